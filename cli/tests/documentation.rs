//! The code blocks of all Markdown files. The words after a block's language say how it is tested
//! here; `CONTRIBUTING.md` lists them. `host/src/lib.rs` compiles the blocks of Rust.

use portcullis_config::PolicyFile;
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Output, Stdio};
use tempfile::TempDir;

#[test]
fn every_code_block_says_how_it_is_tested() {
    let pages = pages();
    let faults: Vec<String> = pages.iter().flat_map(|page| faults(&page.blocks)).collect();
    assert_eq!(faults, [""; 0], "{}", faults.join("\n"));
    let marked = |mark: &str| {
        pages.iter().flat_map(|page| &page.blocks).filter(|block| block.is(mark)).count()
    };
    assert!(marked("run") >= 10 && marked("needs-aws") >= 5, "the blocks were found");
}

#[test]
fn run_blocks_work_as_typed_in_a_clean_home() {
    let pages = pages();
    std::thread::scope(|scope| {
        let running: Vec<_> = pages
            .iter()
            .map(|page| scope.spawn(move || Newcomer::default().follow(&page.blocks)))
            .collect();
        let failures: String =
            running.into_iter().filter_map(|it| it.join().unwrap().err()).collect();
        assert!(failures.is_empty(), "{failures}");
    });
}

#[test]
fn blocks_that_are_not_run_are_valid_shell_and_name_existing_targets() {
    let makefile = std::fs::read_to_string(root().join("Makefile")).unwrap();
    for block in pages().iter().flat_map(|page| &page.blocks).filter(|block| block.is_shell()) {
        let checked = Newcomer::default().shell(&["-n", "-c", &block.text]);
        assert!(checked.status.success(), "{}: {}", block.place, text(&checked));
        for line in block.text.lines().filter_map(|line| line.strip_prefix("make ")) {
            let target = line.split_whitespace().next().unwrap_or_default();
            let rule = format!("\n{target}:");
            assert!(makefile.contains(&rule), "{}: make has no target {target:?}", block.place);
        }
    }
}

#[test]
fn policies_and_json_can_be_parsed() {
    for block in pages().iter().flat_map(|page| &page.blocks) {
        let error = match &*block.words.join(" ") {
            "toml policy" => PolicyFile::parse(&block.text).err().map(|error| error.to_string()),
            "toml policy-part" => {
                let whole = format!("[datasources.orders]\nplugin = \"dynamodb\"\n{}", block.text);
                PolicyFile::parse(&whole).err().map(|error| error.to_string())
            }
            "json" => serde_json::from_str::<serde_json::Value>(&block.text)
                .err()
                .map(|error| error.to_string()),
            _ => None,
        };
        assert_eq!(error, None, "{}", block.place);
    }
}

#[test]
fn excerpts_of_the_demo_have_its_headings_in_order() {
    let demo = Newcomer::default().shell(&["-c", "portcullis demo"]);
    assert!(demo.status.success(), "{}", text(&demo));
    let demo = text(&demo);
    let pages = pages();
    let excerpts = pages.iter().flat_map(|page| &page.blocks).filter(|block| block.is("demo"));
    let mut headings = 0;
    for block in excerpts {
        let mut lines = demo.lines();
        let is_heading = |line: &&str| !line.is_empty() && !line.starts_with(' ');
        for heading in block.text.lines().filter(is_heading) {
            let found = lines.any(|line| line == heading);
            assert!(found, "{}: the demo does not print {heading:?} here:\n{demo}", block.place);
            headings += 1;
        }
    }
    assert!(headings >= 3, "the excerpt was found");
}

#[test]
fn the_page_of_settings_lists_all_settings_and_options() {
    let page = std::fs::read_to_string(root().join("docs/endpoints.md")).unwrap();
    let described = Newcomer::default().shell(&["-c", "portcullis inspect --json"]);
    let described: serde_json::Value = serde_json::from_slice(&described.stdout).unwrap();
    for part in ["settings", "options"] {
        for name in described[part]["properties"].as_object().unwrap().keys() {
            let listed = page.lines().any(|line| {
                line.strip_prefix("| ").and_then(|line| line.split(" | ").next()).is_some_and(
                    |first| first.split(", ").any(|listed| listed == format!("`{name}`")),
                )
            });
            assert!(listed, "docs/endpoints.md does not list {name}");
        }
    }
}

#[test]
fn a_block_without_a_mark_or_a_language_is_found_with_its_place() {
    let page = "\
text\n```sh\nportcullis check\n```\n- a list\n  ~~~~ bash run now\n  ls\n  ~~~\n  ~~~~\n\
```\nx\n```\n```sh run\nls\n```\n```toml policy\n```\n```toml\n```\n```console\n$ ls\n```\n```sh slow\nls\n";
    let blocks = blocks("page.md", page);
    assert_eq!(blocks[1].text, "  ls\n  ~~~\n", "only a fence as long as the first ends a block");
    let faults = faults(&blocks);
    let places: Vec<&str> = faults.iter().filter_map(|fault| fault.split(": ").next()).collect();
    assert_eq!(
        places,
        ["page.md:2", "page.md:6", "page.md:10", "page.md:18", "page.md:20", "page.md:23"],
        "{faults:#?}"
    );
    assert!(faults[0].contains("run, needs-aws, needs-root or slow"), "{}", faults[0]);
    assert!(faults[5].contains("has no end"), "{}", faults[5]);
}

#[test]
fn a_command_that_fails_is_reported_with_its_place_and_output() {
    let page = "```sh run\ntrue\n```\n```sh run\nportcullis checks\ntrue\n```\n";
    let failure = Newcomer::default().follow(&blocks("page.md", page)).unwrap_err();
    assert!(failure.contains("page.md:4"), "{failure}");
    assert!(failure.contains("portcullis checks") && failure.contains("'check'"), "{failure}");
}

#[test]
fn a_command_without_policy_or_credentials_says_what_to_do() {
    let newcomer = Newcomer::default();
    let fails = |script: &str, code: i32, parts: &[&str]| {
        let output = newcomer.shell(&["-c", script]);
        assert_eq!(output.status.code(), Some(code), "{script}: {}", text(&output));
        for part in parts {
            assert!(text(&output).contains(part), "{script}: {part}: {}", text(&output));
        }
        text(&output)
    };
    fails("portcullis execute ListTables", 3, &["`portcullis init`", "--local", "--region REGION"]);
    let unset = ["AWS_ACCESS_KEY_ID is not set", "--profile NAME"];
    fails("portcullis execute --region eu-west-1 ListTables", 6, &unset);
    let broken = "echo x = 1 > portcullis.toml; portcullis execute ListTables";
    assert!(!fails(broken, 3, &["portcullis.toml"]).contains("--region"), "the file exists");
    let whole = "portcullis init --force; portcullis execute ListTables";
    fails(whole, 6, &["AWS_ACCESS_KEY_ID is not set", "`credentials`"]);
}

/// A file with its code blocks.
struct Page {
    blocks: Vec<Block>,
}

struct Block {
    /// The file and the line of its fence.
    place: String,
    /// The language, and what follows it.
    words: Vec<String>,
    text: String,
    ended: bool,
}

impl Block {
    /// Whether it has this mark.
    fn is(&self, mark: &str) -> bool {
        self.words.get(1).is_some_and(|word| word == mark)
    }

    fn is_shell(&self) -> bool {
        self.words.first().is_some_and(|word| word == "sh")
    }
}

/// What each block must begin with: a language and, for most, a mark. More words are allowed only as
/// listed.
const KINDS: [&str; 13] = [
    "sh run",
    "sh run server",
    "sh run aws-cli",
    "sh needs-aws",
    "sh needs-root",
    "sh slow",
    "toml policy",
    "toml policy-part",
    "json",
    "text",
    "text demo",
    "rust",
    "rust,no_run",
];

fn faults(blocks: &[Block]) -> Vec<String> {
    let fault = |block: &Block| {
        let Block { place, words, ended, .. } = block;
        let found = words.join(" ");
        if !ended {
            return Some(format!("{place}: the block has no end"));
        }
        if KINDS.contains(&&*found) {
            return None;
        }
        Some(match words.first().map(String::as_str) {
            Some("sh") => format!(
                "{place}: found `{found}`; after `sh`, a mark says how the block is tested: run, \
                 needs-aws, needs-root or slow"
            ),
            _ => format!("{place}: found `{found}`; expected one of: {}", KINDS.join(", ")),
        })
    };
    blocks.iter().filter_map(fault).collect()
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// All Markdown files of the repository.
fn pages() -> Vec<Page> {
    let (mut pages, mut folders) = (Vec::new(), vec![root()]);
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            if path.is_dir() && !path.is_symlink() {
                if !["target", "node_modules", ".git"].contains(&&*name) {
                    folders.push(path);
                }
            } else if path.extension().is_some_and(|extension| extension == "md") {
                let place = path.strip_prefix(root()).unwrap().to_string_lossy().into_owned();
                let text = std::fs::read_to_string(&path).unwrap();
                pages.push(Page { blocks: blocks(&place, &text) });
            }
        }
    }
    pages
}

/// The fenced code blocks of a page.
fn blocks(page: &str, text: &str) -> Vec<Block> {
    let mut blocks: Vec<Block> = Vec::new();
    // The fence that ends the block.
    let mut fence: Option<&str> = None;
    for (number, line) in (1..).zip(text.lines()) {
        let trimmed = line.trim();
        if let Some(end) = fence {
            let block = blocks.last_mut().unwrap();
            if trimmed.starts_with(end) && trimmed.trim_start_matches(&end[..1]).is_empty() {
                block.ended = true;
                fence = None;
            } else {
                block.text.push_str(line);
                block.text.push('\n');
            }
        } else if trimmed.starts_with("```") || trimmed.starts_with("~~~") {
            let info = trimmed.trim_start_matches(&trimmed[..1]);
            fence = Some(&trimmed[..trimmed.len() - info.len()]);
            blocks.push(Block {
                place: format!("{page}:{number}"),
                words: info.split_whitespace().map(str::to_string).collect(),
                text: String::new(),
                ended: false,
            });
        }
    }
    blocks
}

/// Somebody who types the commands of a page: with nothing in the home folder, and none of this
/// process's variables.
struct Newcomer {
    home: TempDir,
    /// The servers that run; the last one gets the requests.
    servers: Vec<Server>,
}

/// A server that a block has started. It is killed when the page ends.
struct Server {
    child: Child,
    url: String,
    /// Kept open, because the server ends if it cannot print.
    _stdout: BufReader<ChildStdout>,
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Default for Newcomer {
    fn default() -> Self {
        let home = tempfile::tempdir().unwrap();
        std::fs::create_dir(home.path().join("work")).unwrap();
        // Without this, curl succeeds even if the server refuses the request.
        std::fs::write(home.path().join(".curlrc"), "fail-with-body\nsilent\nshow-error\n")
            .unwrap();
        Self { home, servers: Vec::new() }
    }
}

impl Newcomer {
    /// Does what the blocks of a page say, in order.
    ///
    /// # Errors
    /// Returns the first block that fails, with its output.
    fn follow(&mut self, blocks: &[Block]) -> Result<(), String> {
        for block in blocks.iter().filter(|block| block.is_shell()) {
            let last = block.words.last().map(String::as_str);
            if block.is("needs-aws") {
                self.run(block, &offline(&block.text))?;
            } else if !block.is("run")
                || last == Some("aws-cli") && !cfg!(feature = "other-servers")
            {
                // Not run: it is slow, or needs what `make servers` installs.
            } else if last == Some("server") {
                self.serve(block)?;
            } else {
                self.run(block, &block.text)?;
            }
        }
        Ok(())
    }

    fn run(&self, block: &Block, script: &str) -> Result<(), String> {
        // A port that nothing else uses, instead of the default port.
        let script = match self.servers.last() {
            Some(server) => script.replace("http://127.0.0.1:8700", &server.url),
            None => script.to_string(),
        };
        let output = self.shell(&["-e", "-c", &script]);
        if output.status.success() {
            return Ok(());
        }
        // What shells return for a program that does not exist.
        let missing = output.status.code() == Some(127);
        let hint = if missing { "`make servers` installs the AWS CLI" } else { "" };
        let (status, printed) = (output.status, text(&output));
        Err(format!("{}: {status} in\n{script}It printed\n{printed}{hint}\n", block.place))
    }

    /// Starts the server of a block, and waits until it accepts connections.
    fn serve(&mut self, block: &Block) -> Result<(), String> {
        let start = "portcullis serve ";
        let script = block.text.replace(start, &format!("exec {start}--listen 127.0.0.1:0 "));
        let log = self.home.path().join("serve.log");
        let mut command = self.command("sh");
        command.args(["-e", "-c", &script]).stdout(Stdio::piped());
        let mut child = command.stderr(File::create(&log).unwrap()).spawn().unwrap();
        let mut first = String::new();
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        // This ends also when the server does.
        stdout.read_line(&mut first).unwrap();
        let url = first.split(' ').next().unwrap_or_default().to_string();
        self.servers.push(Server { child, url, _stdout: stdout });
        if first.contains("the JSON API") {
            return Ok(());
        }
        let log = std::fs::read_to_string(log).unwrap();
        Err(format!("{}: the server does not start: {first}{log}", block.place))
    }

    /// Runs a shell for at most 20 seconds.
    fn shell(&self, arguments: &[&str]) -> Output {
        self.command("timeout").args(["20", "sh"]).args(arguments).output().unwrap()
    }

    fn command(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        let programs = Path::new(env!("CARGO_BIN_EXE_portcullis")).parent().unwrap();
        let servers = root().join("target/servers/venv/bin");
        let path = format!("{}:/usr/bin:/bin:{}", programs.display(), servers.display());
        command
            .env_clear()
            .env("PATH", path)
            .env("HOME", self.home.path())
            .current_dir(self.home.path().join("work"))
            .stdin(Stdio::null());
        command
    }
}

/// What of these commands can be done without an AWS account: the requests of `execute` are made and
/// checked, and not sent.
fn offline(script: &str) -> String {
    let line = |line: &str| {
        if line.starts_with("portcullis test") || line.starts_with("portcullis structure") {
            return format!(": {line}\n");
        }
        line.replace("portcullis execute ", "portcullis execute --dry-run ") + "\n"
    };
    script.lines().map(line).collect()
}

fn text(output: &Output) -> String {
    let (out, err) = (&output.stdout, &output.stderr);
    format!("{}{}", String::from_utf8_lossy(out), String::from_utf8_lossy(err))
}
