//! The hooks that wasmtime calls: where a guest's request enters the gate.

use crate::egress::Egress;
use crate::forbidden;
use crate::net::body::RequestBody;
use crate::net::head::RequestHead;
use crate::passage;
use crate::progress::Progress;
use crate::rules::Rules;
use http::{HeaderName, Request, Response};
use portcullis_memory::{Account, Charge, Exceeded, MemoryLimit};
use portcullis_policy::{Denial, Limits};
use std::sync::Arc;
use std::time::Instant;
use wasmtime_wasi_http::{Error, ForbiddenHeaderFilter, RequestOptions, WasiBody, WasiHttpHooks};

/// The gate of one store: it sends the requests of one guest.
///
/// A store returns it as the `hooks` of its `WasiHttpView`. The [crate's documentation](crate) has
/// the whole program.
///
/// ```
/// use portcullis_gate::{Egress, Gate};
/// use portcullis_policy::{Denial, Policy};
///
/// let egress = Egress::builder(Policy::default()).build()?;
/// let gate = Gate::new(&egress, |denial: &Denial| {
///     eprintln!("{denial}; to allow it: {}", denial.remedy);
/// });
/// # drop(gate);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Gate {
    egress: Arc<Egress>,
    /// The rules of the running call. Without a call nothing is sent.
    rules: Option<Arc<dyn Rules>>,
    /// What the host holds for the guest.
    account: Arc<Account>,
}

impl Gate {
    /// The gate of a guest that runs for at most `limits.deadline` from now. `on_denied` is called
    /// for each request that the policy denies.
    #[must_use]
    pub fn new(egress: &Arc<Egress>, on_denied: impl Fn(&Denial) + Send + Sync + 'static) -> Self {
        let limits = &egress.policy().limits;
        let deadline = Instant::now() + limits.deadline;
        let progress = Progress::new("guest", limits, deadline, MAX_IN_FLIGHT);
        let rules = PolicyOnly { progress: Arc::new(progress), on_denied };
        let account = Account::new(limits.host_memory.as_u64(), MemoryLimit::new(u64::MAX));
        Self { egress: egress.clone(), rules: Some(Arc::new(rules)), account }
    }

    /// A gate that sends nothing until a call begins. What it holds for the guest is charged to
    /// `account`.
    #[must_use]
    pub fn closed(egress: &Arc<Egress>, account: Arc<Account>) -> Self {
        Self { egress: egress.clone(), rules: None, account }
    }

    /// Begins a call: from now on its rules decide.
    pub fn begin(&mut self, rules: Arc<dyn Rules>) {
        self.rules = Some(rules);
    }

    /// Ends the running call. Nothing more is sent.
    pub fn end(&mut self) {
        if let Some(rules) = self.rules.take() {
            rules.progress().end();
        }
    }

    /// The progress of the running call.
    #[must_use]
    pub fn progress(&self) -> Option<&Arc<Progress>> {
        self.rules.as_ref().map(|rules| rules.progress())
    }

    /// The limits of the policy.
    #[must_use]
    pub fn limits(&self) -> &Limits {
        &self.egress.policy.limits
    }

    /// Charges memory that the host holds for the guest.
    ///
    /// # Errors
    /// Returns an error if it exceeds `limits.host-memory` or the memory limit of the process. The
    /// running call fails for that reason.
    pub fn charge(&self, bytes: u64) -> Result<Charge, Exceeded> {
        self.account.charge(bytes).inspect_err(|exceeded| self.exceeded(*exceeded))
    }

    /// Charges `bytes` more to a charge of this guest.
    ///
    /// # Errors
    /// Returns an error like [`charge`](Self::charge).
    pub fn grow(&self, charge: &mut Charge, bytes: u64) -> Result<(), Exceeded> {
        charge.grow(bytes).inspect_err(|exceeded| self.exceeded(*exceeded))
    }

    fn exceeded(&self, exceeded: Exceeded) {
        if let Some(progress) = self.progress() {
            progress.fail_at_memory(exceeded);
        }
    }

    /// Sends a request of the running call.
    pub fn send(
        &self,
        head: RequestHead,
        body: RequestBody,
    ) -> impl Future<Output = Result<Response<WasiBody>, Error>> + Send + 'static {
        let (egress, rules) = (self.egress.clone(), self.rules.clone());
        let account = self.account.clone();
        async move {
            let rules = rules.ok_or(Error::HttpRequestDenied)?;
            passage::send(egress, rules, account, head, body).await
        }
    }
}

/// Requests of one guest at the same time, if the embedder has no rules of its own: as many as the
/// AWS SDKs keep connections.
const MAX_IN_FLIGHT: u32 = 64;

type Worker = Box<dyn Future<Output = Result<(), Error>> + Send>;
type Sending = Box<dyn Future<Output = Result<(Response<WasiBody>, Worker), Error>> + Send>;

impl WasiHttpHooks for Gate {
    fn is_forbidden_header(&mut self, name: &HeaderName) -> bool {
        forbidden::is_forbidden(name)
    }

    fn forbidden_header_filter(&mut self) -> ForbiddenHeaderFilter {
        forbidden::filter()
    }

    fn set_host_header(&mut self) -> bool {
        // The gate writes it from the origin that was checked.
        false
    }

    fn send_request(
        &mut self,
        request: Request<WasiBody>,
        // A guest cannot extend its time: it has until the deadline, whatever it asks for.
        _: Option<RequestOptions>,
        _: Box<dyn Future<Output = Result<(), Error>> + Send>,
    ) -> Sending {
        let (parts, body) = request.into_parts();
        let head = match RequestHead::from_parts(parts) {
            Ok(head) => head,
            Err(error) => return Box::new(std::future::ready(Err(error))),
        };
        let body = RequestBody::from_wasi(Some(body));
        if let Err(error) = head.check_length(&body) {
            return Box::new(std::future::ready(Err(error)));
        }
        let sending = self.send(head, body);
        Box::new(async move {
            let response = sending.await?;
            // wasmtime spawns this worker for implementations whose connections need a task.
            let worker: Worker = Box::new(std::future::ready(Ok(())));
            Ok((response, worker))
        })
    }
}

/// The rules of an embedder that has none of its own.
struct PolicyOnly<F> {
    progress: Arc<Progress>,
    on_denied: F,
}

impl<F: Fn(&Denial) + Send + Sync + 'static> Rules for PolicyOnly<F> {
    fn progress(&self) -> &Arc<Progress> {
        &self.progress
    }

    fn denied(&self, denial: &Denial) {
        // A guest of the embedder's own may go on after a denial.
        self.progress.fail_softly(denial.clone());
        (self.on_denied)(denial);
    }

    fn reported(&self, denial: &Denial) {
        (self.on_denied)(denial);
    }
}
