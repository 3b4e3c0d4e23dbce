// Adds decimal numbers as text, exactly.

/** The sum of decimal numbers. What is not one, such as `1e5`, counts as `NaN`, and so does the sum. */
export function sum(numbers: readonly string[]): string {
  const parts = numbers.map((number) => /^(-?)([0-9]{1,50})(?:\.([0-9]{1,50}))?$/.exec(number));
  const scale = Math.max(0, ...parts.map((part) => part?.[3]?.length ?? 0));
  let total = 0n;
  for (const part of parts) {
    if (!part) return "NaN";
    const digits = BigInt((part[2] ?? "") + (part[3] ?? "").padEnd(scale, "0"));
    total += part[1] === "-" ? -digits : digits;
  }
  const digits = (total < 0n ? -total : total).toString().padStart(scale + 1, "0");
  const whole = digits.slice(0, digits.length - scale);
  const fraction = digits.slice(digits.length - scale).replace(/0+$/, "");
  return `${total < 0n ? "-" : ""}${whole}${fraction && `.${fraction}`}`;
}
