//! Old spellings of keys in policy files, which are still accepted.

use crate::text::line_at;
use std::fmt;
use toml::Spanned;
use toml::de::{DeString, DeTable};

/// A key in a policy file that is written in its old spelling.
///
/// Returned by [`PolicyFile::deprecated_keys`](crate::PolicyFile::deprecated_keys).
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct DeprecatedKey {
    /// The path of the key in the file: `datasources.orders.limits.tables`.
    pub path: String,
    /// The line of the key in the file, counted from 1.
    pub line: usize,
    /// The new spelling of the key, without its path: `wasm-tables`.
    pub replacement: &'static str,
}

impl fmt::Display for DeprecatedKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { path, line, replacement } = self;
        write!(f, "line {line}: {path} is deprecated; write {replacement} instead")
    }
}

/// The old and the new spelling of a datasource's key.
const SETTINGS_FILE: (&str, &str) = ("settings_file", "settings-file");
/// The old and the new spelling of a key in `limits`. The new one cannot be confused with a
/// datasource's `tables`, which are tables of the service.
const WASM_TABLES: (&str, &str) = ("tables", "wasm-tables");

/// Returns the new spelling of `key`, if `keys`, the keys of a table, include its new spelling.
pub(crate) fn current_spelling<'k>(key: &'k str, keys: &[&'k str]) -> &'k str {
    let renamed = [SETTINGS_FILE, WASM_TABLES].into_iter().find(|(old, _)| *old == key);
    renamed.map(|(_, new)| new).filter(|new| keys.contains(new)).unwrap_or(key)
}

/// Finds all old spellings, in the order of the file. Text that is not TOML has none.
pub(crate) fn find(text: &str) -> Vec<DeprecatedKey> {
    let Ok(file) = DeTable::parse(text) else { return Vec::new() };
    let Some((_, datasources)) = entry(file.get_ref(), "datasources") else { return Vec::new() };
    let mut found = Vec::new();
    for (name, datasource) in datasources {
        let Some(datasource) = datasource.get_ref().as_table() else { continue };
        let path = format!("datasources.{}", quoted(name.get_ref()));
        let mut report = |table: &DeTable<'_>, path: &str, (old, replacement)| {
            if let Some((key, _)) = table.get_key_value(old) {
                let at = key.span().start;
                found.push((at, format!("{path}.{old}"), replacement));
            }
        };
        report(datasource, &path, SETTINGS_FILE);
        if let Some((_, limits)) = entry(datasource, "limits") {
            report(limits, &format!("{path}.limits"), WASM_TABLES);
        }
    }
    found.sort_unstable();
    let key =
        |(at, path, replacement)| DeprecatedKey { path, line: line_at(text, at).0, replacement };
    found.into_iter().map(key).collect()
}

/// Returns the table with this name in `table`, and its key.
fn entry<'t, 'i>(
    table: &'t DeTable<'i>,
    name: &str,
) -> Option<(&'t Spanned<DeString<'i>>, &'t DeTable<'i>)> {
    let (key, value) = table.get_key_value(name)?;
    Some((key, value.get_ref().as_table()?))
}

/// Returns a key as TOML writes it in a dotted path: in quotes unless it is a bare key.
pub(crate) fn quoted(key: &str) -> String {
    let is_bare = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
    if !key.is_empty() && key.bytes().all(is_bare) { key.to_string() } else { format!("{key:?}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str) -> Vec<(String, usize, &'static str)> {
        find(text).into_iter().map(|key| (key.path, key.line, key.replacement)).collect()
    }

    #[test]
    fn old_spellings_are_found_in_every_toml_form() {
        for (text, line) in [
            ("[datasources.orders.limits]\ntables = 4\n", 2),
            ("[datasources.orders]\nplugin = 'x'\nlimits = { tables = 4 }\n", 3),
            ("[datasources.orders]\nlimits.tables = 4\n", 2),
            ("datasources.orders.limits.\"tables\" = 4\n", 1),
        ] {
            let expected = ("datasources.orders.limits.tables".to_string(), line, "wasm-tables");
            assert_eq!(found(text), [expected], "{text}");
        }
    }

    #[test]
    fn keys_are_in_the_order_of_the_file() {
        let text = "[datasources.b]\nsettings_file = 'x'\n\n[datasources.\"a b\"]\n\
                    settings_file = 'x'\n[datasources.\"a b\".limits]\ntables = 4\n";
        assert_eq!(
            found(text),
            [
                ("datasources.b.settings_file".to_string(), 2, "settings-file"),
                ("datasources.\"a b\".settings_file".to_string(), 5, "settings-file"),
                ("datasources.\"a b\".limits.tables".to_string(), 7, "wasm-tables"),
            ]
        );
    }

    #[test]
    fn current_spellings_are_not_reported() {
        let text = "[datasources.a]\nsettings-file = 'x'\ntables = ['orders']\n\
                    limits = { wasm-tables = 4 }\n[datasources.a.settings]\nsettings_file = 'x'\n";
        assert_eq!(found(text), []);
        for other in ["", "datasources = 1", "datasources = { a = 1 }", "not TOML"] {
            assert_eq!(found(other), [], "{other}");
        }
    }

    #[test]
    fn displayed_key_names_the_line_and_the_replacement() {
        let key = &find("[datasources.a]\nsettings_file = 'x'\n")[0];
        assert_eq!(
            key.to_string(),
            "line 2: datasources.a.settings_file is deprecated; write settings-file instead"
        );
    }
}
