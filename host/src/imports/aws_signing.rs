//! `aws-signing`: keys for one day, region and service. The service behind the datasource derives
//! them.

use crate::bindings::portcullis::datasource::aws_signing::{
    Host, SigningError as ContractError, SigningMaterial,
};
use crate::store_state::StoreState;
use portcullis_aws::SigningError;
use portcullis_policy::{Denial, Rule};
use wasmtime::Result;

impl Host for StoreState {
    async fn derive_key(
        &mut self,
        date: String,
        region: String,
        service: String,
    ) -> Result<Result<SigningMaterial, ContractError>> {
        let refuse = |state: &Self, denial: &Denial| {
            if let Some(call) = &state.call {
                call.deny(denial);
            }
            Ok(Err(ContractError::Refused(denial.to_string())))
        };
        if self.call.as_ref().is_none_or(|call| call.operations.is_empty()) {
            let message =
                "the plugin asked for a signing key outside a call that may send requests";
            let remedy = "this is a defect of the plugin: report it to its publisher";
            return refuse(self, &Denial::new(Rule::Signing, "", message, remedy));
        }
        match self.datasource.service.signing_key(&date, &region, &service).await {
            Ok(key) => {
                if key.identity_changed {
                    self.datasource.egress.change_identity();
                    self.identity = self.datasource.egress.identity();
                }
                Ok(Ok(SigningMaterial {
                    access_key_id: key.access_key_id,
                    session_token: key.session_token.map(|token| token.to_string()),
                    key: key.key.to_vec(),
                    expires: key.expires,
                }))
            }
            Err(SigningError::Denied(denial)) => refuse(self, &denial),
            Err(error) => Ok(Err(ContractError::Unavailable(error.to_string()))),
        }
    }
}
