// DynamoDB from Node.js, by the library form: node host.mjs ACTION [INPUT]
// Before: npx jco transpile library.wasm --out-dir library
import { connector } from './library/library.js';

// The platform component reads the environment of this process. The plugin cannot.
export const connection = connector.connect(process.env.PORTCULLIS_SETTINGS);

/** Runs an action. An error has a `payload`: its case in `tag`, and what is known about it in `val`. */
export function execute(action, input = '{}') {
  return connection.execute(action, input);
}

if (process.argv[2]) {
  try {
    console.log(execute(process.argv[2], process.argv[3]));
  } catch (error) {
    console.error(JSON.stringify(error.payload ?? String(error)));
    process.exitCode = 1;
  }
  process.exit(); // the thread that sends requests would keep the process alive
}
