//! The datasource that a request names: one of the policy, or one that was saved.

use crate::auth::{Caller, Refusal, RefusalStatus};
use crate::deployment::{PluginSlot, Served};
use crate::refusals::Refused;
use crate::server::Server;
use crate::stored::{Connected, StoredError};
use http::HeaderMap;
use portcullis::{ActionName, Policy, TenantName};
use portcullis_memory::Account;
use portcullis_store::DatasourceName;
use std::sync::Arc;

/// The datasource that a request names.
pub(crate) enum Source {
    /// It is in the policy file.
    Policy(Arc<Served>),
    /// It was saved.
    Stored(Arc<Connected>),
}

/// Why there is no datasource for a request.
pub(crate) enum NoSource {
    /// The token does not allow it, or it does not exist.
    Refused(Refusal),
    /// What was saved cannot be used.
    Stored { name: String, tenant: Option<TenantName>, error: StoredError },
}

impl Source {
    /// The datasource of that name. Names in the policy win.
    pub(crate) async fn find(
        server: &Server,
        caller: &Caller,
        name: &str,
        headers: &HeaderMap,
    ) -> Result<Self, NoSource> {
        let may_use = caller.may_use(name);
        let in_policy = caller.deployment.datasources.get(name);
        match in_policy {
            Some(known) if may_use => return Ok(Self::Policy(known.clone())),
            Some(_) if caller.may_manage(name) => {
                return Err(NoSource::Refused(hidden(name)));
            }
            _ => {}
        }
        let may_be_saved = server.stored.store().is_some()
            && in_policy.is_none()
            && (may_use || caller.may_manage(name));
        match name.parse::<DatasourceName>() {
            Ok(name) if may_be_saved => {
                let tenant = caller.tenant(headers).map_err(NoSource::Refused)?;
                let (host, deployment) = (&server.host, &caller.deployment);
                let found = server.stored.find(host, deployment, &name, tenant.as_ref()).await;
                found.map(Self::Stored).map_err(|error| match error {
                    StoredError::NotFound => {
                        NoSource::Refused(absent(name.as_str(), caller, tenant.as_ref()))
                    }
                    error => NoSource::Stored { name: name.to_string(), tenant, error },
                })
            }
            _ => caller.datasource(name).cloned().map(Self::Policy).map_err(NoSource::Refused),
        }
    }

    /// Its policy.
    pub(crate) fn policy(&self) -> &Policy {
        match self {
            Self::Policy(served) => served.policy(),
            Self::Stored(stored) => stored.policy(),
        }
    }

    /// Where its plugin is loaded.
    pub(crate) fn plugin_slot(&self) -> &PluginSlot {
        match self {
            Self::Policy(served) => served.plugin_slot(),
            Self::Stored(stored) => stored.template.plugin(),
        }
    }

    /// Whether the manifest of the plugin lists an action. False if the plugin is not loaded.
    pub(crate) fn knows_action(&self, action: &ActionName) -> bool {
        let plugin = self.plugin_slot().plugin();
        plugin.is_some_and(|plugin| plugin.manifest().action(action).is_some())
    }

    /// The account that bodies of its calls are charged to: that of its tenant, or of the token.
    pub(crate) fn account(&self, server: &Server, caller: &Caller) -> Arc<Account> {
        match self {
            Self::Stored(stored) => caller.account_of(server, stored.tenant.as_ref()),
            Self::Policy(_) => caller.account.clone(),
        }
    }
}

/// The refusal of a saved datasource that one of the policy hides.
pub(crate) fn hidden(name: &str) -> Refusal {
    Refusal::conflict(
        "a name of the policy",
        format!("the policy has a datasource {name:?}, and names in the policy win"),
        "save it under another name; what was saved under this one is unavailable until the policy's \
         datasource has another name",
    )
}

/// The refusal of a datasource that does not exist, or that another tenant has.
pub(crate) fn absent(name: &str, caller: &Caller, tenant: Option<&TenantName>) -> Refusal {
    let remedy = if tenant.is_none() && caller.is_platform() {
        "name the tenant in the header x-portcullis-tenant: each tenant has its own datasources"
    } else {
        "GET /v1/datasources lists those that may be used"
    };
    let mut refused = Refused::new("not-found").because("a datasource that does not exist");
    refused.tenant = tenant.cloned();
    Refusal {
        status: RefusalStatus::NotFound,
        refused: refused.into(),
        message: format!("there is no datasource {name:?}"),
        remedy: remedy.to_string(),
    }
}
