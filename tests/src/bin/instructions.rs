//! Runs one code path a number of times, so that callgrind can count its instructions.
//!
//! The paths either run outside the sandbox or are the same inside it. Arguments: the path, the
//! action of one of the calls in `tests::calls`, and how many times to run it.

use dynamodb_plugin::catalogue::operation;
use dynamodb_plugin::sigv4::{Request, RequestPrefix, Scope, Signer, payload_hash};
use dynamodb_plugin::transcode::{EncodeOptions, Format, decode, encode};
use portcullis::policy::TableName;
use portcullis::{Access, Origin, Policy};
use std::hint::black_box;
use tests::calls;

fn main() {
    let mut arguments = std::env::args().skip(1);
    let mut next = || arguments.next().expect("the arguments are: path, action, times");
    let (path, action, times) =
        (next(), next(), next().parse::<u32>().expect("the third argument is a number"));
    let call = calls::all()
        .into_iter()
        .find(|call| call.action == action)
        .expect("the second argument is the action of one of the three calls");
    let shapes = operation(call.action).expect("the action is in the catalogue");
    let options = |format| EncodeOptions { format, strict: true };
    let policy: Policy = toml::from_str(
        "egress = [\"POST https://dynamodb.eu-west-1.amazonaws.com/*\"]\n\
             access = \"write\"\n\
             tables = [\"orders\"]",
    )
    .expect("the policy is valid");
    let first = [
        ("content-type", "application/x-amz-json-1.0"),
        ("host", "dynamodb.eu-west-1.amazonaws.com"),
    ];
    let prefix = RequestPrefix::new("POST", "/", "", &first);
    let headers =
        [("x-amz-date", "20150830T123600Z"), ("x-amz-target", "DynamoDB_20120810.GetItem")];
    let scope = Scope {
        date: "20150830".to_string(),
        region: "eu-west-1".to_string(),
        service: "dynamodb".to_string(),
    };
    let signer = Signer::new(&scope, "AKIDEXAMPLE", &[7; 32]);
    for _ in 0..times {
        match path.as_str() {
            "encode-typed" => {
                drop(black_box(encode(&call.input, shapes.input, options(Format::Typed))));
            }
            "encode-plain" => {
                drop(black_box(encode(&call.plain_input, shapes.input, options(Format::Plain))));
            }
            "decode-typed" => {
                drop(black_box(decode(call.response.clone(), shapes.output, Format::Typed)));
            }
            "decode-plain" => {
                drop(black_box(decode(call.response.clone(), shapes.output, Format::Plain)));
            }
            "sign" => {
                let payload_hash = payload_hash(call.input.as_bytes());
                let request = Request { prefix: &prefix, headers: &headers, payload_hash };
                drop(black_box(signer.authorization(&request, "20150830T123600Z")));
            }
            "policy" => {
                let origin: Origin = "https://dynamodb.eu-west-1.amazonaws.com"
                    .parse()
                    .expect("the origin is valid");
                let action = call.action.parse().expect("the action's name is valid");
                let table = TableName::parse("orders").expect("the table's name is valid");
                let checks = [
                    policy.check_origin(&origin),
                    policy.check_method(&origin, "POST"),
                    policy.check_path(&origin, "POST", "/"),
                    policy.check_action(&action, Some(Access::Write)),
                    policy.check_table(table),
                ];
                assert!(black_box(checks).iter().all(Result::is_ok));
            }
            other => panic!("there is no path {other:?}"),
        }
    }
}
