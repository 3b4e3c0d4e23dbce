//! Lines of policy that several of these tests use.

pub(crate) const ADMIN: &str = "access = \"admin\"";

/// Returns the policy lines for the tokens `pcl_app` and `pcl_ops`.
pub(crate) fn tokens() -> String {
    let digest = |token: &str| hex::encode(<sha2::Sha256 as sha2::Digest>::digest(token));
    let app = "cc13a62a2ab73d0dfc61dc94b9a47bad75d2e0f2ee1a9e2cbe7bd0b8a2e1d5a1";
    TOKENS.replace(app, &digest("pcl_app")).replace("OPS", &digest("pcl_ops"))
}

const TOKENS: &str = "
[server.tokens.app]
sha256 = \"cc13a62a2ab73d0dfc61dc94b9a47bad75d2e0f2ee1a9e2cbe7bd0b8a2e1d5a1\"
datasources = [\"orders\"]
actions = [\"Scan\", \"ListTables\"]
[server.tokens.ops]
sha256 = \"OPS\"
datasources = [\"*\"]
operator = true
";
