//! Compiles a component, or takes its code from files.

use crate::cache::Cache;
use crate::error::CompileError;
use crate::process::CompilerProcess;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;
use wasmtime::Engine;
use wasmtime::component::Component;

/// Compiles components for a host.
#[derive(Debug)]
pub struct Compiler {
    /// Compiled code of earlier starts.
    pub cache: Option<Cache>,
    /// The process that compiles. Without one, a thread of this process does.
    pub process: Option<CompilerProcess>,
    /// How long compiling one component may take.
    pub timeout: Duration,
    /// Whether compiled code counts what it computes.
    pub meter: bool,
}

/// The stack of the thread that compiles, in bytes. Nesting is limited before; this is twice what
/// wasmtime's parser takes for the deepest component that passes.
const STACK_BYTES: usize = 16 * 1024 * 1024;

impl Compiler {
    /// The compiled code of a component with this digest, if it is kept and nobody else can have
    /// changed it.
    #[must_use]
    pub fn find(&self, engine: &Engine, digest: &str) -> Option<Component> {
        self.cache.as_ref()?.load(engine, digest)
    }

    /// Keeps the compiled code of a component that can be used.
    pub fn keep(&self, engine: &Engine, digest: &str, component: &Component) {
        if let Some(cache) = &self.cache {
            cache.store(engine, digest, component);
        }
    }

    /// Compiles a component. It blocks the calling thread.
    ///
    /// # Errors
    /// Returns an error if the component cannot be compiled, or not in time.
    pub fn compile(&self, engine: &Engine, component: &[u8]) -> Result<Component, CompileError> {
        match &self.process {
            None => self.compile_on_a_thread(engine, component),
            Some(process) => {
                let code = process.compile(component, self.meter, self.timeout)?;
                load(engine, &code)
            }
        }
    }

    /// A compilation that takes too long cannot be stopped: the thread runs to its end, and nobody
    /// waits for it.
    fn compile_on_a_thread(
        &self,
        engine: &Engine,
        component: &[u8],
    ) -> Result<Component, CompileError> {
        let (engine, bytes) = (engine.clone(), component.to_vec());
        let (sender, receiver) = mpsc::channel();
        let run = move || {
            // If nobody waits any more, nobody misses it.
            let _ = sender.send(Component::from_binary(&engine, &bytes));
        };
        let thread = thread::Builder::new().name("portcullis-compile".to_string());
        thread.stack_size(STACK_BYTES).spawn(run).map_err(CompileError::Start)?;
        match receiver.recv_timeout(self.timeout) {
            Ok(compiled) => compiled.map_err(|error| CompileError::Invalid(error.into())),
            Err(mpsc::RecvTimeoutError::Timeout) => Err(CompileError::TooSlow(self.timeout)),
            Err(mpsc::RecvTimeoutError::Disconnected) => Err(CompileError::Crashed),
        }
    }
}

#[expect(unsafe_code, reason = "wasmtime's way to load what another process compiled")]
fn load(engine: &Engine, code: &[u8]) -> Result<Component, CompileError> {
    // SAFETY: the code comes from a process of this program (`CompilerProcess::new`), over a pipe
    // that nobody else can write to.
    unsafe { Component::deserialize(engine, code) }
        .map_err(|error| CompileError::Invalid(error.into()))
}
