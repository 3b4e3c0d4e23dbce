//! Row C1: the long-lived secret never appears in the memory of the sandbox.
#![expect(unsafe_code, reason = "wasmtime's trait for custom memories is unsafe")]

use super::support::{stopped, tried};
use portcullis::{DatasourceConfig, Host, Settings, StaticCredentials};
use portcullis_testkit::recorder::{self, Response};
use std::cell::UnsafeCell;
use std::sync::{Arc, Mutex};
use tests::plugins;
use wasmtime::{LinearMemory, MemoryCreator, MemoryType};

const SECRET: &str = "wJalrXUtnFEMI-K7MDENG-the-long-lived-secret";

/// Creates the linear memories of all instances and keeps them, so that the test can search them.
#[derive(Default)]
struct Memories(Mutex<Vec<Arc<Memory>>>);

/// One linear memory. It is allocated with its maximum size, so it never moves.
struct Memory {
    bytes: Box<[UnsafeCell<u8>]>,
    size: Mutex<usize>,
}

struct Handle(Arc<Memory>);

/// The size of each memory. The DynamoDB plugin needs far less than 64 MiB for these calls.
const CAPACITY: usize = 64 << 20;

// SAFETY: the test reads the bytes only while no guest runs, and wasmtime never lets two guests
// share a memory.
unsafe impl Sync for Memory {}
// SAFETY: the value owns its bytes.
unsafe impl Send for Memory {}

// SAFETY: the host asks for no reserved or guard pages, so there are none to provide.
unsafe impl MemoryCreator for Memories {
    fn new_memory(
        &self,
        _: MemoryType,
        minimum: usize,
        _: Option<usize>,
        _: Option<usize>,
        _: usize,
    ) -> Result<Box<dyn LinearMemory>, String> {
        let bytes = (0..CAPACITY).map(|_| UnsafeCell::new(0)).collect();
        let memory = Arc::new(Memory { bytes, size: Mutex::new(minimum) });
        self.0.lock().unwrap().push(memory.clone());
        Ok(Box::new(Handle(memory)))
    }
}

// SAFETY: the pointer is valid and constant for the life of the memory, and `byte_size` bytes are
// accessible.
unsafe impl LinearMemory for Handle {
    fn byte_size(&self) -> usize {
        *self.0.size.lock().unwrap()
    }

    fn byte_capacity(&self) -> usize {
        CAPACITY
    }

    fn grow_to(&mut self, size: usize) -> wasmtime::Result<()> {
        wasmtime::ensure!(size <= CAPACITY, "the memories of this test are limited to 64 MiB");
        *self.0.size.lock().unwrap() = size;
        Ok(())
    }

    fn as_ptr(&self) -> *mut u8 {
        self.0.bytes.as_ptr().cast::<u8>().cast_mut()
    }
}

impl Memories {
    /// Returns whether any memory contains `text`.
    fn contain(&self, text: &str) -> bool {
        self.0.lock().unwrap().iter().any(|memory| {
            let size = *memory.size.lock().unwrap();
            // SAFETY: the memory has at least `size` bytes, and no guest runs.
            let bytes =
                unsafe { std::slice::from_raw_parts(memory.bytes.as_ptr().cast::<u8>(), size) };
            bytes.windows(text.len()).any(|window| window == text.as_bytes())
        })
    }
}

pub(crate) async fn long_lived_secret_never_appears_in_sandbox_memory() {
    tried();
    let server = recorder::start(Response::ok("{}")).await;
    let memories = Arc::new(Memories::default());
    let host = Host::builder().host_memory(memories.clone()).build().unwrap();
    let plugin = plugins::load_dynamodb(&host);
    let settings =
        format!("{{\"region\":\"us-east-1\",\"endpoint\":\"http://{}\"}}", server.authority);
    let credentials = Arc::new(StaticCredentials::from_key("AKIDOFTHETEST", SECRET));
    let connect = DatasourceConfig::new("datasource")
        .policy(plugins::policy(&server.authority, ""))
        .settings(Settings::Trusted(&settings))
        .shared_credentials(credentials);
    let datasource = host.connect(&plugin, connect).await.unwrap();
    for (action, input) in [
        ("PutItem", r#"{"TableName":"t","Item":{"id":"1"}}"#),
        ("ListTables", ""),
        ("Nonsense", ""),
    ] {
        // The last call fails: the memory after an error is searched too.
        let _ = datasource.execute(action, input).await;
        // The sandbox keeps the endpoint, so a search that works must find it.
        assert!(memories.contain(&server.authority), "the search finds text that must be there");
        assert!(
            memories.contain("AKIDOFTHETEST"),
            "the access key id is there: the call was signed"
        );
        assert!(!memories.contain(SECRET), "after {action}");
    }
    assert!(!memories.contain(&format!("AWS4{SECRET}")));
    stopped();
}
