//! C1: the long-lived secret is nowhere in the sandbox's memory.
#![expect(unsafe_code, reason = "wasmtime's interface for memories that the host makes")]

use super::support::{stopped, tried};
use portcullis::{Connect, Fixed, Host};
use portcullis_testkit::recorder::{self, Answer};
use std::cell::UnsafeCell;
use std::sync::{Arc, Mutex};
use tests::plugins;
use wasmtime::{LinearMemory, MemoryCreator, MemoryType};

const SECRET: &str = "wJalrXUtnFEMI-K7MDENG-the-long-lived-secret";

/// Makes memories and keeps them, so that they can be searched after a call.
#[derive(Default)]
struct Memories(Mutex<Vec<Arc<Memory>>>);

/// One memory, as large as it may become from the start: it never moves.
struct Memory {
    bytes: Box<[UnsafeCell<u8>]>,
    size: Mutex<usize>,
}

struct Handle(Arc<Memory>);

const CAPACITY: usize = 64 << 20;

// SAFETY: the bytes are only read here while no guest runs; wasmtime sees to it that guests do not share them.
unsafe impl Sync for Memory {}
// SAFETY: the bytes are owned.
unsafe impl Send for Memory {}

// SAFETY: the memory has no reservation or guard pages to honour: the host asks for none.
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

// SAFETY: the pointer stays valid and the same for the life of the memory, and `byte_size` bytes are accessible.
unsafe impl LinearMemory for Handle {
    fn byte_size(&self) -> usize {
        *self.0.size.lock().unwrap()
    }

    fn byte_capacity(&self) -> usize {
        CAPACITY
    }

    fn grow_to(&mut self, size: usize) -> wasmtime::Result<()> {
        wasmtime::ensure!(size <= CAPACITY, "the test's memories are no larger");
        *self.0.size.lock().unwrap() = size;
        Ok(())
    }

    fn as_ptr(&self) -> *mut u8 {
        self.0.bytes.as_ptr().cast::<u8>().cast_mut()
    }
}

impl Memories {
    /// Whether any memory holds `text`.
    fn hold(&self, text: &str) -> bool {
        self.0.lock().unwrap().iter().any(|memory| {
            let size = *memory.size.lock().unwrap();
            // SAFETY: `size` bytes belong to the memory, and no guest runs.
            let bytes =
                unsafe { std::slice::from_raw_parts(memory.bytes.as_ptr().cast::<u8>(), size) };
            bytes.windows(text.len()).any(|window| window == text.as_bytes())
        })
    }
}

pub(crate) async fn the_long_lived_secret_is_nowhere_in_the_guests_memory() {
    tried();
    let server = recorder::start(Answer::ok("{}")).await;
    let memories = Arc::new(Memories::default());
    let host = Host::builder().host_memory(memories.clone()).build().unwrap();
    let plugin = host
        .load(
            dynamodb_component::COMPONENT,
            dynamodb_component::MANIFEST,
            Some(dynamodb_component::SHA256),
        )
        .unwrap();
    let settings =
        format!("{{\"region\":\"us-east-1\",\"endpoint\":\"http://{}\"}}", server.authority);
    let credentials = Arc::new(Fixed::key("AKIDOFTHETEST", SECRET));
    let connect = Connect {
        settings: &settings,
        settings_are_trusted: true,
        policy: plugins::policy(&server.authority, ""),
        credentials: Some(credentials),
        ..Connect::default()
    };
    let datasource = host.connect(&plugin, connect).await.unwrap();
    for (action, input) in [
        ("PutItem", r#"{"TableName":"t","Item":{"id":"1"}}"#),
        ("ListTables", ""),
        ("Nonsense", ""),
    ] {
        // The last one is an error, and is here for it.
        let _ = datasource.execute(action, input).await;
        // The endpoint is a canary: it is kept in the sandbox, so a search that does not find it finds nothing.
        assert!(memories.hold(&server.authority), "the search finds what is there");
        assert!(
            memories.hold("AKIDOFTHETEST"),
            "the access key id is there, so the call was signed"
        );
        assert!(!memories.hold(SECRET), "after {action}");
    }
    assert!(!memories.hold(&format!("AWS4{SECRET}")));
    stopped();
}
