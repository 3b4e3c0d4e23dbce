// Suggests the name that was probably meant.

/** The closest of `names`, if one is close: another case, or a third of its characters at most are wrong. */
export function nearest(name: string, names: readonly string[]): string | undefined {
  const sameLetters = names.find((one) => one.toLowerCase() === name.toLowerCase());
  if (sameLetters !== undefined) return sameLetters;
  if (name.length > MAX_LENGTH) return undefined;
  const most = Math.max(1, Math.floor(name.length / 3));
  let best: string | undefined;
  let bestDistance = most + 1;
  for (const one of names) {
    if (Math.abs(one.length - name.length) > most) continue;
    const distance = editDistance(name.toLowerCase(), one.toLowerCase());
    if (distance < bestDistance) [best, bestDistance] = [one, distance];
  }
  return best;
}

/** Longer names are not misspelt ones, and comparing them takes time. */
const MAX_LENGTH = 100;

function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const replaced = (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(replaced, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1));
    }
    row = next;
  }
  return row[b.length] ?? 0;
}
