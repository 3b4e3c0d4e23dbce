//! Credentials from profiles and processes, as a datasource fetches them.
#![cfg(all(unix, feature = "aws-config"))]

mod support;

use portcullis_aws::{CredentialsError, Processes};
use portcullis_policy::CredentialSource;
use std::path::Path;
use std::time::{Duration, Instant};
use support::{Logged, fetch, profile, service, signing_key};

/// A profile file with a process that appends a line to `starts`, and then does `then`.
fn process_profile(folder: &Path, then: &str) -> CredentialSource {
    let starts = folder.join("starts");
    let script = folder.join("script.sh");
    std::fs::write(&script, format!("echo $$ >> {}\n{then}\n", starts.display())).unwrap();
    let text = format!("[profile p]\ncredential_process = sh {}\n", script.display());
    profile(folder, &text, "p")
}

fn starts(folder: &Path) -> Vec<String> {
    let text = std::fs::read_to_string(folder.join("starts")).unwrap_or_default();
    text.lines().map(str::to_string).collect()
}

const OUTPUT: &str = r#"echo '{"Version":1,"AccessKeyId":"ASIAPROCESS","SecretAccessKey":"s"}'"#;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn forty_impatient_callers_start_one_process() {
    let folder = tempfile::tempdir().unwrap();
    let source = process_profile(folder.path(), &format!("sleep 1\n{OUTPUT}"));
    let service = service(&source, Processes::Allowed);
    let mut late = 0;
    for _ in 0..40 {
        let call = tokio::time::timeout(Duration::from_millis(30), signing_key(&service));
        late += u32::from(call.await.is_err());
    }
    assert!(late > 10, "{late} callers gave up");
    assert_eq!(signing_key(&service).await.unwrap(), "ASIAPROCESS");
    assert_eq!(starts(folder.path()).len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn forty_callers_at_once_start_one_process() {
    let folder = tempfile::tempdir().unwrap();
    let source = process_profile(folder.path(), &format!("sleep 1\n{OUTPUT}"));
    let service = service(&source, Processes::Allowed);
    let calls: Vec<_> = (0..40)
        .map(|_| {
            let service = service.clone();
            tokio::spawn(async move {
                let limit = Duration::from_millis(30);
                tokio::time::timeout(limit, signing_key(&service)).await.is_err()
            })
        })
        .collect();
    for call in calls {
        assert!(call.await.unwrap(), "the process needs 1 s");
    }
    assert_eq!(signing_key(&service).await.unwrap(), "ASIAPROCESS");
    assert_eq!(starts(folder.path()).len(), 1);
}

/// Whether a process exists and has not ended.
fn lives(id: &str) -> bool {
    let status = std::fs::read_to_string(format!("/proc/{id}/stat")).unwrap_or_default();
    status.rsplit_once(") ").is_some_and(|(_, state)| !state.starts_with('Z'))
}

async fn assert_gone(ids: &[String]) {
    let before = Instant::now();
    while ids.iter().any(|id| lives(id)) {
        assert!(before.elapsed() < Duration::from_secs(5), "{ids:?} still run");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// A process that never ends, with a child that does not either. Both write their ids.
fn hung(folder: &Path) -> CredentialSource {
    let starts = folder.join("starts");
    process_profile(folder, &format!("sleep 600 &\necho $! >> {}\nwait", starts.display()))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hung_process_is_gone_when_its_time_is_over_with_its_children() {
    let folder = tempfile::tempdir().unwrap();
    let service = service(&hung(folder.path()), Processes::Allowed);
    let before = Instant::now();
    let error = signing_key(&service).await.unwrap_err();
    assert!(error.contains("more than 20 s"), "{error}");
    assert!(before.elapsed() < Duration::from_secs(25));
    let ids = starts(folder.path());
    assert_eq!(ids.len(), 2, "{ids:?}");
    assert_gone(&ids).await;
    let before = Instant::now();
    assert_eq!(signing_key(&service).await.unwrap_err(), error, "the last error, at once");
    assert!(before.elapsed() < Duration::from_millis(500));
    assert_eq!(starts(folder.path()).len(), 2, "no other process was started");
}

#[test]
fn a_hung_process_is_gone_when_the_runtime_ends() {
    let folder = tempfile::tempdir().unwrap();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let service = service(&hung(folder.path()), Processes::Allowed);
    let ids = runtime.block_on(async {
        let call = tokio::time::timeout(Duration::from_secs(2), signing_key(&service));
        assert!(call.await.is_err());
        starts(folder.path())
    });
    assert!(ids.len() == 2 && ids.iter().all(|id| lives(id)), "{ids:?}");
    drop(runtime);
    let after = tokio::runtime::Runtime::new().unwrap();
    after.block_on(assert_gone(&ids));
}

#[tokio::test]
async fn standard_error_and_paths_are_in_the_log_and_not_in_the_error() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().display().to_string();
    let source = process_profile(folder.path(), "echo vault-token-of-alice >&2; exit 3");
    let logged = Logged::start();
    let error = signing_key(&service(&source, Processes::Allowed)).await.unwrap_err();
    assert_eq!(error, "the process of the profile p failed");
    let log = logged.text();
    for part in
        ["portcullis::credentials", "vault-token-of-alice", "exit status: 3", &path, "line 2"]
    {
        assert!(log.contains(part), "{part}: {log}");
    }
}

#[tokio::test]
async fn a_profile_file_of_a_policy_that_was_found_runs_no_process() {
    let folder = tempfile::tempdir().unwrap();
    let source = process_profile(folder.path(), OUTPUT);
    let nested = CredentialSource::Role {
        arn: "arn:aws:iam::123456789012:role/orders".to_string(),
        external_id: None,
        session_name: None,
        region: None,
        source: Box::new(source.clone()),
    };
    for source in [source, nested] {
        let error = fetch(&source, Processes::Refused).await.unwrap_err();
        assert!(error.to_string().contains("names a process"), "{}", error.detail());
        assert!(error.to_string().contains("--policy"), "{error}");
    }
    assert_eq!(starts(folder.path()), Vec::<String>::new());
}

#[tokio::test]
async fn output_of_a_process_is_checked_and_never_quoted() {
    let folder = tempfile::tempdir().unwrap();
    let secret = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";
    for (output, part) in [
        (
            format!(r#"{{"Version":1,"AccessKeyId":"{secret}","SecretAccessKey":"s"}}"#),
            "secret key",
        ),
        (format!(r#"{{"Version":2,"AccessKeyId":"A","SecretAccessKey":"{secret}"}}"#), "Version"),
        (format!(r#"{{"Version":1,"AccessKeyId":"A","SecretAccessKey":"{secret}""#), "JSON"),
        (
            format!(
                r#"{{"Version":1,"AccessKeyId":"A","SecretAccessKey":"{secret}","Expiration":"x"}}"#
            ),
            "Expiration",
        ),
    ] {
        let source = process_profile(folder.path(), &format!("echo '{output}'"));
        let error = fetch(&source, Processes::Allowed).await.unwrap_err();
        assert!(error.to_string().contains(part), "{output}: {error}");
        assert!(!error.detail().contains(secret), "{}", error.detail());
    }
    let source = process_profile(folder.path(), "head -c 100000 /dev/zero");
    let error = fetch(&source, Processes::Allowed).await.unwrap_err();
    assert!(error.to_string().contains("64 KiB"), "{error}");
}

#[tokio::test]
async fn a_process_provides_temporary_credentials() {
    let folder = tempfile::tempdir().unwrap();
    let output = r#"{"Version":1,"AccessKeyId":"A","SecretAccessKey":"s","SessionToken":"t",
        "Expiration":"2099-01-01T00:00:00+02:00","AccountId":"1"}"#;
    let source = process_profile(folder.path(), &format!("echo '{output}'"));
    let found = fetch(&source, Processes::Allowed).await.unwrap();
    assert!(found.session_token.is_some());
    let expires = found.expires.unwrap().duration_since(std::time::UNIX_EPOCH).unwrap();
    assert_eq!(expires.as_secs(), 4_070_901_600);
    let empty = output.replace("\"t\"", "\"\"");
    let source = process_profile(folder.path(), &format!("echo '{empty}'"));
    assert!(fetch(&source, Processes::Allowed).await.unwrap().session_token.is_none());
}

/// The error of a profile, as the client and the operator see it.
async fn wrong(text: &str, name: &str) -> (CredentialsError, String) {
    let folder = tempfile::tempdir().unwrap();
    let source = profile(folder.path(), text, name);
    let path = folder.path().display().to_string();
    let error = fetch(&source, Processes::Allowed).await.unwrap_err();
    assert!(!error.to_string().contains(&path), "{error}");
    (error, path)
}

#[tokio::test]
async fn profiles_are_read_however_they_are_written() {
    let plain = "[profile p]\naws_access_key_id = AKIDP\naws_secret_access_key = s\n";
    let folder = tempfile::tempdir().unwrap();
    for text in [
        plain.to_string(),
        format!("\u{feff}{plain}"),
        plain.replace('\n', "\r\n"),
        plain.replace('\n', "\n    ").replacen('[', "   [", 1),
        plain.replace('\n', "\n\t"),
        plain.replace(" = ", "\t=\t"),
        plain.replace("]\n", "] # mine\n"),
        plain.replace("]\n", "] mine\n"),
        plain.replace("[profile p]", "[profile\tp]"),
        plain.replace("[profile p]", "[p]"),
        format!("[profile other]\nnonsense\n  more\n{plain}"),
        format!("[profile other\naws_access_key_id = x\n{plain}[unclosed"),
        format!("{plain}aws_session_token =\n"),
    ] {
        let found = fetch(&profile(folder.path(), &text, "p"), Processes::Allowed).await;
        let found = found.unwrap_or_else(|error| panic!("{text:?}: {}", error.detail()));
        assert_eq!(found.access_key_id, "AKIDP", "{text:?}");
        assert!(found.session_token.is_none(), "{text:?}");
    }
}

#[tokio::test]
async fn a_line_that_cannot_be_read_is_named_with_its_file_and_the_reason() {
    let (error, path) = wrong("[profile p]\nregion = a\nnonsense\n", "p").await;
    assert_eq!(error.to_string(), "the profile p: the line has no =");
    assert!(error.detail().contains(&path) && error.detail().contains("line 3"), "{error:?}");
    let (error, path) = wrong("\n[profile p\n", "p").await;
    assert!(error.to_string().contains("does not end with ]"), "{error}");
    assert!(error.detail().contains(&path) && error.detail().contains("line 2"), "{error:?}");
}

#[tokio::test]
async fn a_missing_profile_and_a_missing_file_have_texts_of_their_own() {
    let (error, path) = wrong("[profile a]\nregion = x\n[b]\n", "p").await;
    assert_eq!(error.to_string(), "there is no profile p");
    assert!(error.detail().contains(&path) && error.detail().contains("a, b"), "{error:?}");
    let missing = CredentialSource::Profile {
        name: "p".to_string(),
        file: Some("/nonexistent/profiles".into()),
    };
    let error = fetch(&missing, Processes::Allowed).await.unwrap_err();
    assert_eq!(error.to_string(), "there is no profile file with the profile p");
    assert!(error.detail().contains("/nonexistent/profiles does not exist"), "{error:?}");
    let (error, _) = wrong("[p]\nrole_arn = r\nsource_profile = q\n", "p").await;
    assert_eq!(error.to_string(), "source_profile of p: there is no profile q");
    let (error, _) =
        wrong("[p]\nrole_arn = r\nsource_profile = q\n[q]\nrole_arn = r\nsource_profile = p", "p")
            .await;
    assert!(error.to_string().contains("p, q name each other"), "{error}");
}

#[tokio::test]
async fn keys_of_a_profile_are_checked_and_the_field_is_named() {
    let secret = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";
    for id in ["\"AKID\"", "<your-key>", "${AWS_KEY}", secret] {
        let text = format!("[p]\naws_access_key_id = {id}\naws_secret_access_key = s\n");
        let (error, path) = wrong(&text, "p").await;
        assert!(error.to_string().starts_with("aws_access_key_id of the profile p"), "{error}");
        assert_eq!(error.to_string().contains("this looks like a secret key"), id == secret);
        assert!(error.detail().contains(&path) && error.detail().contains("line 2"), "{error:?}");
        assert!(!error.detail().contains(id), "{error:?}");
    }
}

#[tokio::test]
async fn sso_without_a_login_names_the_command() {
    let text = "[profile p]\nsso_session = s\nsso_account_id = 123456789012\nsso_role_name = r\n\
                [sso-session s]\nsso_region = us-east-1\nsso_start_url = https://example.com/x\n";
    let (error, _) = wrong(text, "p").await;
    assert!(error.to_string().ends_with("run: aws sso login --profile p"), "{}", error.detail());
    let deputy = format!("{text}[profile d]\nrole_arn = arn\nsource_profile = p\n");
    let (error, _) = wrong(&deputy, "d").await;
    assert!(error.to_string().ends_with("run: aws sso login --profile p"), "{}", error.detail());
}

#[tokio::test]
async fn an_empty_file_of_a_web_identity_is_not_sent() {
    let folder = tempfile::tempdir().unwrap();
    let token = folder.path().join("token");
    std::fs::write(&token, "\n").unwrap();
    let direct = CredentialSource::WebIdentity {
        role: Some("arn:aws:iam::123456789012:role/orders".to_string()),
        token_file: Some(token.clone()),
        region: None,
    };
    let text = format!("[p]\nrole_arn = arn\nweb_identity_token_file = {}\n", token.display());
    for source in [direct, profile(folder.path(), &text, "p")] {
        let error = fetch(&source, Processes::Allowed).await.unwrap_err();
        assert_eq!(error.to_string(), "the file of the web identity token is empty");
        assert!(error.detail().contains(&token.display().to_string()), "{error:?}");
    }
}

#[tokio::test]
async fn a_role_is_assumed_with_what_a_process_provides() {
    let folder = tempfile::tempdir().unwrap();
    let script = format!("[q]\ncredential_process = {OUTPUT}\n");
    for text in [
        format!("[p]\nrole_arn = arn\nsource_profile = q\n{script}"),
        format!("[p]\nrole_arn = arn\nsource_profile = p\ncredential_process = {OUTPUT}\n"),
    ] {
        let source = profile(folder.path(), &text, "p");
        let found = fetch(&source, Processes::Allowed).await.unwrap();
        assert_eq!(found.access_key_id, "ASIAOFTHEROLE", "{text}");
        let sent = support::sent();
        assert!(sent.iter().any(|header| header.contains("ASIAPROCESS")), "{sent:?}");
    }
}
