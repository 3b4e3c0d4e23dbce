// Runs the calls of lines of JSON, and writes a line of JSON for each: its result, or its error.
import { createInterface } from 'node:readline';
import { pathToFileURL } from 'node:url';

const { connector } = await import(pathToFileURL(process.argv[2]));
const plain = (_, value) => (typeof value === 'bigint' ? Number(value) : value);
let connection;
for await (const line of createInterface({ input: process.stdin })) {
  const { name, args } = JSON.parse(line);
  let answer;
  try {
    if (name === 'connect') {
      connection = connector.connect(...args);
      answer = { ok: null };
    } else {
      answer = { ok: connection[name](...args) };
    }
  } catch (error) {
    answer = error.payload ? { error: error.payload.tag, detail: error.payload.val } : { error: 'trap', detail: String(error) };
  }
  process.stdout.write(`${JSON.stringify(answer, plain)}\n`);
}
process.exit();
