//! What an embedder adds to the policy: checks of its own, and a record of each refusal.

use crate::net::head::RequestHead;
use crate::progress::Progress;
use portcullis_policy::Denial;
use std::sync::Arc;

/// The rules of one call beyond its policy, and its progress.
///
/// The gate asks [`check_head`](Self::check_head) after the policy has allowed the request's
/// origin, method and path, and before it resolves a name.
///
/// ```
/// use portcullis_gate::{BodyCheck, Progress, RequestHead, Rules};
/// use portcullis_policy::{Denial, Rule};
/// use std::sync::Arc;
///
/// /// Lets out only requests that name their tenant.
/// struct NamesTenant(Arc<Progress>);
///
/// impl Rules for NamesTenant {
///     fn progress(&self) -> &Arc<Progress> {
///         &self.0
///     }
///
///     fn check_head(&self, head: &RequestHead) -> Result<BodyCheck, Denial> {
///         if head.headers.contains_key("x-tenant") {
///             return Ok(BodyCheck::Skip);
///         }
///         let message = "the request does not name its tenant";
///         Err(Denial::new(Rule::Binding, "x-tenant", message, "send the header x-tenant"))
///     }
///
///     fn denied(&self, denial: &Denial) {
///         eprintln!("{denial}");
///     }
///
///     fn reported(&self, denial: &Denial) {
///         eprintln!("would be denied: {denial}");
///     }
/// }
/// ```
pub trait Rules: Send + Sync + 'static {
    /// The progress of the call. The gate sends nothing after it has ended or failed.
    fn progress(&self) -> &Arc<Progress>;

    /// Checks the head of a request, and says whether its body must be checked too. By default
    /// every request passes.
    ///
    /// # Errors
    /// Returns the denial if the request must not leave.
    fn check_head(&self, head: &RequestHead) -> Result<BodyCheck, Denial> {
        let _ = head;
        Ok(BodyCheck::Skip)
    }

    /// Checks the whole body of a request whose head asked for it. By default every body passes.
    ///
    /// # Errors
    /// Returns the denial if the request must not leave.
    fn check_body(&self, head: &RequestHead, body: &[u8]) -> Result<(), Denial> {
        let _ = (head, body);
        Ok(())
    }

    /// A request was denied. Implementations store the failure in [`Self::progress`] and record
    /// it.
    fn denied(&self, denial: &Denial);

    /// A request would have been denied, but the policy only reports the rule.
    fn reported(&self, denial: &Denial);
}

/// Whether the gate must read the whole body of a request before it is sent.
///
/// The enum is exhaustive on purpose: a body is read first, or not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BodyCheck {
    /// The body is sent as the guest writes it.
    Skip,
    /// The gate reads the body and asks [`Rules::check_body`].
    Whole,
}
