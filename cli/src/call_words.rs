//! The words of `execute` that name the datasource, the action and its input.

use crate::args::Execute;
use crate::failure::Failure;
use dynamodb_plugin::catalogue::{operation, suggested};

/// The words of a command that name what is executed.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct CallWords {
    pub(crate) action: String,
    pub(crate) input: Option<String>,
}

impl Execute {
    /// Says which option would allow an action that needs more access, if options are the policy.
    pub(crate) fn with_access(&self, failure: Failure) -> Failure {
        if self.target.implied.is_given() { failure.remedied_by_option() } else { failure }
    }

    /// Takes the action and its input out of the arguments, and sets the datasource if they name
    /// one.
    ///
    /// # Errors
    /// Returns an error if the arguments name no action, or something that they cannot.
    pub(crate) fn take_call(&mut self) -> Result<CallWords, Failure> {
        let mut words = std::mem::take(&mut self.words);
        // clap takes what follows `--local` for the optional FILE. FILE contains a dot or a slash,
        // and an action contains neither.
        let mut undotted = None;
        if let Some(Some(file)) = &self.target.local {
            let text = file.to_string_lossy().into_owned();
            if text.starts_with(['{', '[', '@']) {
                // The input, as in `Scan --local '{…}'`.
                self.target.local = Some(None);
                words.push(text);
            } else if !text.contains(['.', '/', '\\']) {
                self.target.local = Some(None);
                undotted = Some(text.clone());
                words.insert(0, text);
            }
        }
        // The second of two words is an action, and the first a name, unless it is the other way
        // round: an input that is no JSON, which is reported as such.
        let names_action = |word: &str| {
            // A dot is in the names of files, and in names as the protocol has them.
            let last = word.rsplit('.').next().unwrap_or_default();
            let is_name = |byte: u8| byte.is_ascii_alphanumeric() || b"-_:".contains(&byte);
            let has_form = word.starts_with(char::is_alphabetic) && word.bytes().all(is_name);
            let is_of_a_tool = has_form && word.contains(['-', '_', ':']);
            operation(last).is_some() || (is_of_a_tool && suggested(word).is_some())
        };
        let is_word =
            |word: &str| !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_alphanumeric());
        let has_name = match words.as_slice() {
            [_, _, _] => true,
            [first, second] => {
                names_action(second) || (is_word(second) && operation(first).is_none())
            }
            _ => false,
        };
        if has_name {
            let name = words.remove(0);
            if undotted.as_ref() == Some(&name) {
                return Err(undotted_file(&name));
            }
            let takes_no_name = self.target.local.is_some() || self.target.implied.is_given();
            if takes_no_name || self.target.datasource.is_some() {
                return Err(Failure::usage(format!("{name:?} is one word too many"))
                    .with("expected: an action, and its input as one argument, in quotes"));
            }
            self.target.datasource = Some(name);
        }
        let mut words = words.into_iter();
        let Some(action) = words.next() else {
            return Err(Failure::usage("which action?")
                .with("for example: portcullis execute --local ListTables")
                .with("`portcullis actions` lists all actions"));
        };
        let is_known = operation(&action).is_some() || suggested(&action).is_some();
        if undotted.as_ref() == Some(&action) && !is_known {
            return Err(undotted_file(&action));
        }
        Ok(CallWords { action, input: words.next() })
    }
}

/// The word after `--local` is neither an action nor, by its form, a file.
fn undotted_file(name: &str) -> Failure {
    let message = format!(
        "--local {name}: a file's name needs a dot or a slash here, to tell it from an action"
    );
    Failure::usage(message).with(format!("for example: --local ./{name} ListTables"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::args::{Cli, Command, Target};
    use clap::Parser;

    fn execute(words: &str) -> Result<(Target, CallWords), Failure> {
        let cli =
            Cli::try_parse_from(["portcullis", "execute"].into_iter().chain(words.split(' ')))
                .unwrap();
        let Command::Execute(mut execute) = cli.command else { panic!("execute") };
        let words = execute.take_call()?;
        Ok((execute.target, words))
    }

    #[test]
    fn local_takes_an_optional_file() {
        let local = |words: &str| {
            let (target, words) = execute(words).unwrap();
            (target.local, words.action, words.input.unwrap_or_default())
        };
        let text = str::to_string;
        assert_eq!(local("--local ListTables"), (Some(None), text("ListTables"), text("")));
        assert_eq!(local("--local Scan {}"), (Some(None), text("Scan"), text("{}")));
        assert_eq!(
            local("--local data.db Scan {}"),
            (Some(Some("data.db".into())), text("Scan"), text("{}"))
        );
        assert_eq!(local("Scan - --local"), (Some(None), text("Scan"), text("-")));
        assert_eq!(local("-d orders Scan @x.json"), (None, text("Scan"), text("@x.json")));
    }

    #[test]
    fn the_name_of_the_datasource_may_come_first() {
        for (words, name, action, input) in [
            ("orders ListTables", Some("orders"), "ListTables", None),
            ("orders Scan {}", Some("orders"), "Scan", Some("{}")),
            ("orders Scan -", Some("orders"), "Scan", Some("-")),
            ("Scan {}", None, "Scan", Some("{}")),
            ("orders get-item", Some("orders"), "get-item", None),
            ("Scan query.json", None, "Scan", Some("query.json")),
            ("Scan users", None, "Scan", Some("users")),
            ("Scan --local {\"a\":\"my.table\"}", None, "Scan", Some("{\"a\":\"my.table\"}")),
        ] {
            let (target, call) = execute(words).unwrap();
            assert_eq!(target.datasource.as_deref(), name, "{words}");
            assert_eq!((call.action.as_str(), call.input.as_deref()), (action, input), "{words}");
        }
    }

    #[test]
    fn words_that_cannot_be_understood_are_refused_with_a_remedy() {
        for (words, part) in [
            ("--local mydata ListTables", "--local ./mydata"),
            ("--local mydata Scan {}", "--local ./mydata"),
            ("--local mydata", "--local ./mydata"),
            ("-d orders users ListTables", "one word too many"),
            ("--region eu-west-1 orders ListTables", "one word too many"),
            ("--local data.db", "which action?"),
        ] {
            let failure = execute(words).unwrap_err();
            let lines: Vec<&str> = failure.lines().collect();
            assert!(lines.join("\n").contains(part), "{words}: {lines:?}");
        }
    }
}
