// Counts and sizes for people. They are the service's figures about a table, never values of items.

const counts = new Intl.NumberFormat("en");

/** A count with separators. */
export function count(number: number): string {
  return counts.format(number);
}

/** A size in bytes with a unit. */
export function size(bytes: number): string {
  const units = ["B", "KB", "MB", "GB", "TB"];
  let unit = 0;
  let number = bytes;
  while (number >= 1000 && unit < units.length - 1) {
    number /= 1000;
    unit += 1;
  }
  return `${unit === 0 || number >= 100 ? Math.round(number) : number.toFixed(1)} ${units[unit]}`;
}
