//! What is kept of a datasource.

use crate::name::DatasourceName;
use crate::seal::{KeyId, Sealed, Sealing};
use portcullis_policy::TenantName;

/// A datasource that somebody wants to save.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Draft {
    /// Its name.
    pub name: DatasourceName,
    /// The name of the template that it fills in.
    pub template: String,
    /// Whose it is.
    pub tenant: Option<TenantName>,
    /// The settings, as JSON.
    pub settings: String,
    /// The most datasources that its tenant may have.
    pub per_tenant: u32,
}

/// A datasource that is saved.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Saved {
    /// Its name.
    pub name: DatasourceName,
    /// The name of the template that it fills in.
    pub template: String,
    /// Whose it is.
    pub tenant: Option<TenantName>,
    /// The settings, as JSON.
    pub settings: String,
    /// A number that nothing else which was ever saved in this store has, also if it was restored
    /// from a backup: it is the time in milliseconds, or one more than the last number.
    pub version: u64,
    /// When it was saved first, in seconds since the Unix epoch.
    pub created: u64,
    /// When it was saved last.
    pub changed: u64,
    /// The secret, if there is one.
    pub sealed: Option<Sealed>,
    /// When the secret was given last.
    pub secret_since: Option<u64>,
}

/// What a list says about a datasource.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Listed {
    /// Its name.
    pub name: DatasourceName,
    /// The name of the template that it fills in.
    pub template: String,
    /// Whose it is.
    pub tenant: Option<TenantName>,
    /// When it was saved first, in seconds since the Unix epoch.
    pub created: u64,
    /// When it was saved last.
    pub changed: u64,
    /// The key that its secret is sealed with, if it has one.
    pub key: Option<KeyId>,
}

/// A datasource in a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Entry {
    /// It can be read.
    Readable(Listed),
    /// It is damaged: nobody can have written it with this program.
    Damaged {
        /// Its name, which may be none that this program accepts.
        name: String,
        /// What is wrong.
        reason: String,
    },
}

impl Entry {
    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            Self::Readable(listed) => listed.name.as_str(),
            Self::Damaged { name, .. } => name,
        }
    }
}

impl Draft {
    /// What a secret of this draft is sealed for.
    #[must_use]
    pub fn sealing(&self, version: u64) -> Sealing<'_> {
        Sealing {
            name: self.name.as_str(),
            template: &self.template,
            tenant: self.tenant.as_ref().map_or("", TenantName::as_str),
            version,
        }
    }
}

impl Saved {
    /// What a list says about it.
    #[must_use]
    pub fn listed(&self) -> Listed {
        Listed {
            name: self.name.clone(),
            template: self.template.clone(),
            tenant: self.tenant.clone(),
            created: self.created,
            changed: self.changed,
            key: self.sealed.as_ref().and_then(Sealed::key_id),
        }
    }

    /// What its secret is sealed for.
    #[must_use]
    pub fn sealing(&self) -> Sealing<'_> {
        Sealing {
            name: self.name.as_str(),
            template: &self.template,
            tenant: self.tenant.as_ref().map_or("", TenantName::as_str),
            version: self.version,
        }
    }
}
