//! `examples/tenants_platform.py` with moto, which checks signatures, and a tenant who tries to reach another's
//! datasource.

mod support;

use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::Command;
use support::moto::{moto, python};
use support::saved::folder;
use support::{Serve, token};
use tokio::task::block_in_place;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// The policy of the example, with moto instead of AWS.
fn policy(port: &Value) -> String {
    let example = std::fs::read_to_string(root().join("examples/tenants_platform.toml")).unwrap();
    let origin = format!("http://127.0.0.1:{port}");
    let egress = "egress = [\"https://dynamodb.{region}.amazonaws.com\"]";
    let local = format!(
        "fixed-settings = {{ endpoint = \"{origin}\" }}\negress = [\"{origin}\"]\n\
         networks = {{ \"{origin}\" = [\"127.0.0.0/8\"] }}"
    );
    assert!(example.contains(egress));
    let more = "templates = [\"tenant-dynamodb\"]\ntenants = \"any\"\nmanage = [\"*\"]";
    example.replace(egress, &local) + &token("platform", "platform-token", more)
}

/// Runs Python with the example as the module `platform_example`. Returns what it prints.
fn run(serve: &Serve, started: &Value, program: &str) -> String {
    let prelude = format!(
        "import importlib.util, json\n\
         spec = importlib.util.spec_from_file_location('example', '{}')\n\
         p = importlib.util.module_from_spec(spec); spec.loader.exec_module(p)\n\
         user, role = json.loads({:?}), json.loads({:?})\n\
         def refused(what, *given, **more):\n\
         \x20   try:\n\
         \x20       print('allowed', what.__name__, given, what(*given, **more))\n\
         \x20   except p.Refused as error:\n\
         \x20       print('refused:', error)\n",
        root().join("examples/tenants_platform.py").display(),
        started["user"].to_string(),
        started["role"].to_string(),
    );
    let output = block_in_place(|| {
        Command::new(python())
            .args(["-c", &(prelude + program)])
            .env("PORTCULLIS_URL", &serve.url)
            .env("PORTCULLIS_TOKEN", "platform-token")
            .output()
            .unwrap()
    });
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{}{text}", String::from_utf8_lossy(&output.stderr));
    text
}

#[tokio::test(flavor = "multi_thread")]
async fn users_of_a_platform_add_test_query_change_and_delete_their_datasource() {
    let (_moto, started) = moto();
    let serve = Serve::start_in(folder(), &policy(&started["port"]), &[]);
    let user = &started["user"];
    let output = block_in_place(|| {
        Command::new(python())
            .arg(root().join("examples/tenants_platform.py"))
            .env("PORTCULLIS_URL", &serve.url)
            .env("PORTCULLIS_TOKEN", "platform-token")
            .env("AWS_ACCESS_KEY_ID", user["AccessKeyId"].as_str().unwrap())
            .env("AWS_SECRET_ACCESS_KEY", user["SecretAccessKey"].as_str().unwrap())
            .env_remove("AWS_SESSION_TOKEN")
            .output()
            .unwrap()
    });
    let text = String::from_utf8(output.stdout).unwrap();
    assert_eq!(
        text,
        "{'id': '42', 'total': 100.5}\n",
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    // A wrong secret, temporary credentials, and settings that the template does not allow.
    let program = "
u = (user['AccessKeyId'], user['SecretAccessKey'])
refused(p.add, 'acme', 'a', 'us-east-1', u[0], 'wrong')
refused(p.add, 'acme', 'a', 'eu-central-1', *u)
refused(p.add, 'acme', 'a', 'us-1.evil.example', *u)
p.add('other', 'b', 'us-east-1', role['AccessKeyId'], role['SecretAccessKey'], role['SessionToken'])
print(p.query('other', 'b', p.CREATE, table='other_t')['TableDescription']['TableName'])
# What exists is not replaced, and what has changed meanwhile is neither replaced nor deleted.
first = p.add('acme', 'c', 'us-east-1', *u)
refused(p.add, 'acme', 'c', 'us-east-1', *u)
second = p.update('acme', 'c', first, 'us-west-2')
refused(p.update, 'acme', 'c', first, 'us-east-1')
refused(p.delete, 'acme', 'c', first)
print(p.call('acme', 'GET', p.path('acme', 'c'))[0]['settings'])
p.delete('acme', 'c', second)
refused(p.call, 'acme', 'GET', p.path('acme', 'c'))
# Otherwise its `a_b` and `o` would be the `a` and `b_o` of another.
refused(p.add, 'a_b', 'o', 'us-east-1', *u)
";
    let text = run(&serve, &started, program);
    let lines: Vec<&str> = text.lines().collect();
    assert!(
        lines[0].starts_with("refused: ") && lines[0].contains("SignatureDoesNotMatch"),
        "{text}"
    );
    assert!(lines[1].contains("/settings/region: expected \"eu-west-1\" or \"us-*\""), "{text}");
    assert!(lines[2].contains("/settings/region"), "{text}");
    assert_eq!(lines[3], "other_t");
    for line in [4, 5, 6] {
        assert!(lines[line].contains("which is not what If-Match"), "{text}");
    }
    assert_eq!(lines[7], "{'region': 'us-west-2'}");
    assert!(lines[8].starts_with("refused: ") && lines[9].contains("it contains '_'"), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn i2_a_tenant_reaches_another_tenants_datasource_in_none_of_ten_ways() {
    let (_moto, started) = moto();
    let serve = Serve::start_in(folder(), &policy(&started["port"]), &[]);
    // The second tenant even has the keys of the first one's AWS account: what it does with them is
    // limited by the template all the same.
    let program = "
u = (user['AccessKeyId'], user['SecretAccessKey'])
keys = dict(accessKeyId=u[0], secretAccessKey=u[1])
p.add('acme', 'orders', 'us-east-1', *u)
p.query('acme', 'orders', p.CREATE, table='acme_orders')
p.query('acme', 'orders', p.PUT, table='acme_orders', item={'id': '1', 'secret': 'of acme'})
p.add('evil', 'own', 'us-east-1', *u)
def saved(method, more=''):
    return p.call('evil', method, '/acme_orders' + more, {} if method == 'POST' else None)
def own(**settings):
    document = dict(template=p.TEMPLATE, settings=dict(region='us-east-1', **settings), credentials=keys)
    return p.call('evil', 'PUT', '/evil_own', document)
q = lambda *a, **k: refused(p.query, 'evil', *a, **k)
q('orders', p.GET, table='acme_orders', id='1')
for method, more in [('GET', ''), ('DELETE', ''), ('GET', '/structure'), ('POST', '/actions/ListTables')]:
    refused(saved, method, more)
q('own', p.GET, table='acme_orders', id='1')
q('own', p.GET, table='evil_/../acme_orders', id='1')
q('own', p.GET, table='arn:aws:dynamodb:us-east-1:123456789012:table/acme_orders', id='1')
q('own', p.GET, table='ACME_orders', id='1')
q('own', ('ExecuteStatement', '{\"Statement\": {{s}}}'), s='SELECT * FROM acme_orders')
q('own', ('BatchGetItem', '{\"RequestItems\": {\"acme_orders\": {\"Keys\": [{\"id\": {{id}}}]}}}'), id='1')
q('own', ('TransactGetItems', '{\"TransactItems\": [{\"Get\": {\"TableName\": {{t}}, \"Key\": {\"id\": \"1\"}}}]}'), t='acme_orders')
q('own', p.GET, table='evil_x\", \"TableName\": \"acme_orders', id='1')
refused(own, tenant='acme')
p.TOKEN = 'guessed'
q('own', p.GET, table='acme_orders', id='1')
";
    let text = run(&serve, &started, program);
    assert!(!text.contains("of acme") && !text.contains("allowed"), "{text}");
    assert_eq!(text.lines().filter(|line| line.starts_with("refused: ")).count(), 15, "{text}");
}
