//! Tests of AWS's sources of credentials. A server on this machine plays the part of AWS.

use portcullis_testkit::recorder::{self, RecordedRequest, Recorder, Response};
use std::path::Path;
use std::process::{Command, Output};

/// The access key id that all sources provide.
const ID: &str = "ASIAFROMTHESOURCE";
/// The session token that all sources provide.
const TOKEN: &str = "token-from-the-source";

/// The role that the sources assume.
const ROLE: &str = "arn:aws:iam::123456789012:role/orders";

/// Returns the response of the metadata services of containers and instances.
fn credentials_json() -> String {
    format!(
        r#"{{"Code": "Success", "Type": "AWS-HMAC", "LastUpdated": "2026-01-01T00:00:00Z",
            "AccessKeyId": "{ID}", "SecretAccessKey": "secret-from-the-source", "Token": "{TOKEN}",
            "Expiration": "2099-01-01T00:00:00Z"}}"#
    )
}

/// Returns the response of STS.
fn sts_xml(operation: &str) -> String {
    format!(
        r#"<{operation}Response xmlns="https://sts.amazonaws.com/doc/2011-06-15/">
            <{operation}Result><Credentials>
            <AccessKeyId>{ID}</AccessKeyId>
            <SecretAccessKey>secret-from-the-source</SecretAccessKey>
            <SessionToken>{TOKEN}</SessionToken>
            <Expiration>2099-01-01T00:00:00Z</Expiration>
            </Credentials><AssumedRoleUser><Arn>arn:aws:sts::1:assumed-role/a/b</Arn>
            <AssumedRoleId>AROA:b</AssumedRoleId></AssumedRoleUser>
            </{operation}Result></{operation}Response>"#
    )
}

/// Responds as an instance's metadata service, as STS, and as a container's credentials endpoint.
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
        (_, Some(operation)) => Response::ok(sts_xml(operation)),
        _ => Response::ok(credentials_json()),
    }
}

/// Runs one action with credentials from `source`. Returns its output and the requests that reached
/// the service.
async fn run_with_source(
    source: &str,
    folder: &Path,
    aws: &Recorder,
    variables: &[(&str, &str)],
) -> (Output, Vec<RecordedRequest>) {
    let service = recorder::start(Response::ok("{\"TableNames\":[]}")).await;
    let policy = folder.join("portcullis.toml");
    let text = format!(
        r#"
[datasources.a]
plugin = "dynamodb"
settings = {{ region = "us-east-1", endpoint = "http://{0}" }}
egress = ["http://{0}"]
networks = {{ "http://{0}" = ["127.0.0.1/32"] }}
credentials = {source}
"#,
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
    let (output, requests) = run_with_source(source, folder, aws, variables).await;
    assert!(output.status.success(), "{source}: {}", String::from_utf8_lossy(&output.stderr));
    assert!(
        requests[0].header("authorization").contains(ID),
        "{source}: {}",
        requests[0].header("authorization")
    );
    assert_eq!(requests[0].header("x-amz-security-token"), TOKEN);
}

/// Credentials in the environment, which a source may use to get others.
const ENVIRONMENT: [(&str, &str); 2] =
    [("AWS_ACCESS_KEY_ID", "AKIDOFMYOWN"), ("AWS_SECRET_ACCESS_KEY", "secret")];

#[tokio::test]
async fn container_and_instance_provide_their_role() {
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
async fn role_is_assumed_with_its_external_id() {
    let (folder, aws) =
        (tempfile::tempdir().unwrap(), recorder::start_with("127.0.0.1", aws, None).await);
    let source = format!(
        "{{ from = \"role\", arn = \"{ROLE}\", external-id = \"the-external-id\", \
         source = {{ from = \"env\" }} }}"
    );
    assert_signed_by_the_source(&source, folder.path(), &aws, &ENVIRONMENT).await;
    let request = &aws.requests()[0];
    let body = String::from_utf8_lossy(&request.body);
    assert!(
        body.contains("ExternalId=the-external-id") && body.contains("RoleSessionName=portcullis"),
        "{body}"
    );
    assert!(
        request.header("authorization").contains("AKIDOFMYOWN"),
        "the credentials of the inner source sign the request for the role"
    );
}

#[tokio::test]
async fn web_identity_is_exchanged_for_its_role() {
    let (folder, aws) =
        (tempfile::tempdir().unwrap(), recorder::start_with("127.0.0.1", aws, None).await);
    std::fs::write(folder.path().join("token"), "the-identity-token").unwrap();
    let source = format!(r#"{{ from = "web-identity", role = "{ROLE}", token-file = "token" }}"#);
    assert_signed_by_the_source(&source, folder.path(), &aws, &[]).await;
    let path = folder.path().join("token");
    let variables =
        [("AWS_WEB_IDENTITY_TOKEN_FILE", path.to_str().unwrap()), ("AWS_ROLE_ARN", ROLE)];
    assert_signed_by_the_source(r#"{ from = "web-identity" }"#, folder.path(), &aws, &variables)
        .await;
    assert!(aws.requests().iter().all(|request| {
        String::from_utf8_lossy(&request.body).contains("WebIdentityToken=the-identity-token")
    }));
}

#[tokio::test]
async fn profile_provides_keys_or_a_role() {
    let (folder, aws) =
        (tempfile::tempdir().unwrap(), recorder::start_with("127.0.0.1", aws, None).await);
    let keys = format!(
        "aws_access_key_id = {ID}\naws_secret_access_key = s\naws_session_token = {TOKEN}\n"
    );
    let config = format!(
        "[profile keys]\n{keys}[profile deputy]\nrole_arn = {ROLE}\nsource_profile = keys\n\
         region = us-east-1\n"
    );
    std::fs::write(folder.path().join("aws-config"), config).unwrap();
    // AWS has two file formats. In the format of credentials files, the header has no `profile`.
    std::fs::write(folder.path().join("aws-keys"), format!("[static]\n{keys}")).unwrap();
    assert_signed_by_the_source(
        r#"{ from = "profile", name = "static", file = "aws-keys" }"#,
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
async fn source_without_credentials_explains_why_and_nothing_is_sent() {
    let (folder, aws) =
        (tempfile::tempdir().unwrap(), recorder::start_with("127.0.0.1", aws, None).await);
    let role = format!(r#"{{ from = "role", arn = "{ROLE}", source = {{ from = "env" }} }}"#);
    for (source, variables, part) in [
        (r#"{ from = "profile", name = "missing" }"#, vec![], "missing"),
        (r#"{ from = "web-identity" }"#, vec![], "AWS_WEB_IDENTITY_TOKEN_FILE"),
        (r#"{ from = "container" }"#, vec![], "AWS_CONTAINER_CREDENTIALS"),
        // Plain HTTP would show the credentials to the network, so it is allowed only to this
        // machine and to the metadata services.
        (
            r#"{ from = "container" }"#,
            vec![("AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://192.0.2.1/credentials")],
            "",
        ),
        (
            &role,
            [ENVIRONMENT.as_slice(), &[("AWS_ENDPOINT_URL_STS", "http://192.0.2.1")]].concat(),
            "the host does not fetch credentials from",
        ),
    ] {
        let (output, requests) = run_with_source(source, folder.path(), &aws, &variables).await;
        let message = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(6), "{source}: {message}");
        assert!(message.contains(part), "{source}: {message}");
        assert_eq!(requests.len(), 0);
    }
}
