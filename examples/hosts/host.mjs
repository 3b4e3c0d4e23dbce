// DynamoDB from Node.js, by the library form: node host.mjs ACTION [INPUT]
// Before: npx jco transpile library.wasm --out-dir library
import { connector } from './library/library.js';

/** Connects. The platform component reads the environment of this process. The plugin cannot. */
export function connect(settings = process.env.PORTCULLIS_SETTINGS) {
  if (!settings) throw new Error('PORTCULLIS_SETTINGS is not set; set it to {"region": "eu-west-1"}, with your region');
  return connector.connect(settings);
}

if (process.argv[2]) {
  try {
    // An error has a `payload`: its case in `tag`, and what is known about it in `val`.
    console.log(connect().execute(process.argv[2], process.argv[3] ?? '{}'));
  } catch (error) {
    const plain = (_, value) => (typeof value === 'bigint' ? Number(value) : value);
    console.error(JSON.stringify(error.payload ?? { tag: 'other', val: String(error) }, plain));
    process.exitCode = 1;
  }
  process.exit(); // the thread that sends requests would keep the process alive
}
