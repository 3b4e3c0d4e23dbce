//! AWS's own sources of credentials, each from a server on this machine that plays AWS's part.

use portcullis_testkit::recorder::{self, RecordedRequest, Recorder, Response};
use std::path::Path;
use std::process::{Command, Output};

/// The identity that all sources give.
const ID: &str = "ASIAFROMTHESOURCE";
const TOKEN: &str = "token-from-the-source";

/// What the metadata services of containers and instances answer.
fn credentials_json() -> String {
    format!(
        r#"{{"Code": "Success", "Type": "AWS-HMAC", "LastUpdated": "2026-01-01T00:00:00Z", "AccessKeyId": "{ID}",
            "SecretAccessKey": "secret-from-the-source", "Token": "{TOKEN}", "Expiration": "2099-01-01T00:00:00Z"}}"#
    )
}

/// The instance's metadata service, STS, and a container's endpoint, in one.
fn aws(request: &RecordedRequest) -> Response {
    let body = String::from_utf8_lossy(&request.body);
    let operation = ["AssumeRoleWithWebIdentity", "AssumeRole"]
        .into_iter()
        .find(|name| body.contains(&format!("Action={name}&")));
    match (request.path.as_str(), operation) {
        ("/latest/api/token", _) => Response {
            status: 200,
            headers: vec![("x-aws-ec2-metadata-token-ttl-seconds", "21600".to_string())],
            body: "metadata-token".into(),
        },
        (path, _) if path.contains("/security-credentials-extended") => {
            Response { status: 404, headers: Vec::new(), body: "".into() }
        }
        ("/latest/meta-data/iam/security-credentials/", _) => Response::ok("the-role"),
        (_, Some(operation)) => Response::ok(format!(
            "<{operation}Response xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><{operation}Result><Credentials>\
             <AccessKeyId>{ID}</AccessKeyId><SecretAccessKey>secret-from-the-source</SecretAccessKey><SessionToken>{TOKEN}</SessionToken>\
             <Expiration>2099-01-01T00:00:00Z</Expiration></Credentials><AssumedRoleUser><Arn>arn:aws:sts::1:assumed-role/a/b</Arn>\
             <AssumedRoleId>AROA:b</AssumedRoleId></AssumedRoleUser></{operation}Result></{operation}Response>"
        )),
        _ => Response::ok(credentials_json()),
    }
}

/// Runs one action with credentials from `source`, and gives the request that reached the service.
async fn signed_by(
    source: &str,
    folder: &Path,
    aws: &Recorder,
    variables: &[(&str, &str)],
) -> (Output, Vec<RecordedRequest>) {
    let service = recorder::start(Response::ok("{\"TableNames\":[]}")).await;
    let policy = folder.join("portcullis.toml");
    let text = format!(
        "[datasources.a]\nplugin = \"dynamodb\"\nsettings = {{ region = \"us-east-1\", endpoint = \"http://{0}\" }}\n\
         egress = [\"http://{0}\"]\nnetworks = {{ \"http://{0}\" = [\"127.0.0.1/32\"] }}\ncredentials = {source}\n",
        service.authority
    );
    std::fs::write(&policy, text).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_portcullis"));
    command
        .args(["execute", "ListTables", "--policy"])
        .arg(&policy)
        .env_clear()
        .env("HOME", folder);
    command.env("AWS_ENDPOINT_URL_STS", format!("http://{}", aws.authority));
    for (name, value) in variables {
        command.env(name, value);
    }
    let output = tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap();
    (output, service.requests())
}

async fn assert_signed_by_the_source(
    source: &str,
    folder: &Path,
    aws: &Recorder,
    variables: &[(&str, &str)],
) {
    let (output, requests) = signed_by(source, folder, aws, variables).await;
    assert!(output.status.success(), "{source}: {}", String::from_utf8_lossy(&output.stderr));
    assert!(
        requests[0].header("authorization").contains(ID),
        "{source}: {}",
        requests[0].header("authorization")
    );
    assert_eq!(requests[0].header("x-amz-security-token"), TOKEN);
}

const OWN: [(&str, &str); 2] =
    [("AWS_ACCESS_KEY_ID", "AKIDOFMYOWN"), ("AWS_SECRET_ACCESS_KEY", "secret")];

#[tokio::test]
async fn a_container_and_an_instance_give_their_role() {
    let (folder, aws) =
        (tempfile::tempdir().unwrap(), recorder::start_with("127.0.0.1", aws, None).await);
    let url = format!("http://{}/credentials", aws.authority);
    let container = [
        ("AWS_CONTAINER_CREDENTIALS_FULL_URI", url.as_str()),
        ("AWS_CONTAINER_AUTHORIZATION_TOKEN", "let-me-in"),
    ];
    assert_signed_by_the_source(r#"{ from = "container" }"#, folder.path(), &aws, &container).await;
    assert_eq!(aws.requests()[0].header("authorization"), "let-me-in");
    let endpoint = format!("http://{}", aws.authority);
    let instance = [("AWS_EC2_METADATA_SERVICE_ENDPOINT", endpoint.as_str())];
    assert_signed_by_the_source(r#"{ from = "instance" }"#, folder.path(), &aws, &instance).await;
    assert_eq!(aws.requests().last().unwrap().header("x-aws-ec2-metadata-token"), "metadata-token");
}

#[tokio::test]
async fn a_role_is_assumed_with_its_external_id() {
    let (folder, aws) =
        (tempfile::tempdir().unwrap(), recorder::start_with("127.0.0.1", aws, None).await);
    let source = r#"{ from = "role", arn = "arn:aws:iam::123456789012:role/orders", external-id = "the-external-id", source = { from = "env" } }"#;
    assert_signed_by_the_source(source, folder.path(), &aws, &OWN).await;
    let asked = &aws.requests()[0];
    let body = String::from_utf8_lossy(&asked.body);
    assert!(
        body.contains("ExternalId=the-external-id") && body.contains("RoleSessionName=portcullis"),
        "{body}"
    );
    assert!(asked.header("authorization").contains("AKIDOFMYOWN"), "it is the source that asks");
}

#[tokio::test]
async fn a_web_identity_is_exchanged_for_its_role() {
    let (folder, aws) =
        (tempfile::tempdir().unwrap(), recorder::start_with("127.0.0.1", aws, None).await);
    std::fs::write(folder.path().join("token"), "the-identity-token").unwrap();
    let source = r#"{ from = "web-identity", role = "arn:aws:iam::123456789012:role/orders", token-file = "token" }"#;
    assert_signed_by_the_source(source, folder.path(), &aws, &[]).await;
    let path = folder.path().join("token");
    let variables = [
        ("AWS_WEB_IDENTITY_TOKEN_FILE", path.to_str().unwrap()),
        ("AWS_ROLE_ARN", "arn:aws:iam::123456789012:role/orders"),
    ];
    assert_signed_by_the_source(r#"{ from = "web-identity" }"#, folder.path(), &aws, &variables)
        .await;
    assert!(aws.requests().iter().all(|asked| {
        String::from_utf8_lossy(&asked.body).contains("WebIdentityToken=the-identity-token")
    }));
}

#[tokio::test]
async fn a_profile_gives_keys_or_a_role() {
    let (folder, aws) =
        (tempfile::tempdir().unwrap(), recorder::start_with("127.0.0.1", aws, None).await);
    let config = format!(
        "[profile keys]\naws_access_key_id = {ID}\naws_secret_access_key = s\naws_session_token = {TOKEN}\n\
         [profile deputy]\nrole_arn = arn:aws:iam::123456789012:role/orders\nsource_profile = keys\nregion = us-east-1\n"
    );
    std::fs::write(folder.path().join("aws-config"), config).unwrap();
    // A file of the other form will do as well.
    std::fs::write(
        folder.path().join("aws-keys"),
        format!("[own]\naws_access_key_id = {ID}\naws_secret_access_key = s\naws_session_token = {TOKEN}\n"),
    )
    .unwrap();
    assert_signed_by_the_source(
        r#"{ from = "profile", name = "own", file = "aws-keys" }"#,
        folder.path(),
        &aws,
        &[],
    )
    .await;
    for name in ["keys", "deputy"] {
        let source = format!(r#"{{ from = "profile", name = "{name}", file = "aws-config" }}"#);
        assert_signed_by_the_source(&source, folder.path(), &aws, &[]).await;
    }
    assert_eq!(aws.requests().len(), 1, "the role was assumed once");
}

#[tokio::test]
async fn a_source_that_gives_nothing_says_why_and_sends_nothing() {
    let (folder, aws) =
        (tempfile::tempdir().unwrap(), recorder::start_with("127.0.0.1", aws, None).await);
    for (source, variables, part) in [
        (r#"{ from = "profile", name = "missing" }"#, vec![], "missing"),
        (r#"{ from = "web-identity" }"#, vec![], "AWS_WEB_IDENTITY_TOKEN_FILE"),
        (r#"{ from = "container" }"#, vec![], "AWS_CONTAINER_CREDENTIALS"),
        // Plain HTTP to anywhere but this machine and the metadata services would show the credentials to the network.
        (
            r#"{ from = "container" }"#,
            vec![("AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://192.0.2.1/credentials")],
            "",
        ),
        (
            r#"{ from = "role", arn = "arn:aws:iam::123456789012:role/orders", source = { from = "env" } }"#,
            [OWN.as_slice(), &[("AWS_ENDPOINT_URL_STS", "http://192.0.2.1")]].concat(),
            "the host does not fetch credentials from",
        ),
    ] {
        let (output, requests) = signed_by(source, folder.path(), &aws, &variables).await;
        let told = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(6), "{source}: {told}");
        assert!(told.contains(part), "{source}: {told}");
        assert_eq!(requests.len(), 0);
    }
}
