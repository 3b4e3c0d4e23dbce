//! The web console of Portcullis: the files of a page that connects datasources and queries them.
//!
//! The build script of this crate builds the page with Node.js, unless the folder `dist` has it already. Nothing here
//! serves anything: a server maps paths to [`file()`], with [`CONTENT_SECURITY_POLICY`].

/// One file of the page.
#[derive(Clone, Copy, Debug)]
pub struct File {
    /// The path below the page's own, such as `index.html` or `assets/index-4f9a.js`.
    pub path: &'static str,
    /// The content.
    pub bytes: &'static [u8],
    /// The content compressed with gzip, if that is smaller.
    pub gzip: Option<&'static [u8]>,
    /// The content compressed with Brotli, if that is smaller.
    pub brotli: Option<&'static [u8]>,
    /// The media type, for the header `Content-Type`.
    pub media_type: &'static str,
    /// An entity tag with its quotes, for the header `ETag`. It is that of the content without a coding: prefix it with
    /// `W/` if you send one of several codings, and `Vary: Accept-Encoding`.
    pub etag: &'static str,
    /// Whether the path has a hash of the content, so that the file never changes: `Cache-Control: public,
    /// max-age=31536000, immutable`. Others need `no-cache`.
    pub immutable: bool,
}

/// The file at a path below the page's own. The empty path is `index.html`.
///
/// ```
/// let page = portcullis_console::file("").expect("there is a page");
/// assert_eq!(page.media_type, "text/html; charset=utf-8");
/// assert!(portcullis_console::file("../Cargo.toml").is_none());
/// ```
#[must_use]
pub fn file(path: &str) -> Option<&'static File> {
    let path = if path.is_empty() { "index.html" } else { path };
    FILES.binary_search_by(|file| file.path.cmp(path)).ok().and_then(|index| FILES.get(index))
}

/// All files, sorted by their paths.
///
/// ```
/// assert!(portcullis_console::files().iter().any(|file| file.path == "index.html"));
/// ```
#[must_use]
pub fn files() -> &'static [File] {
    FILES
}

static FILES: &[File] = include!(concat!(env!("OUT_DIR"), "/files.rs"));

/// The actions that create the tables of the demo, `orders` and `users`, in an empty database: a JSON list of pairs
/// `[action, input]`. The page offers them where the database is a part of the server.
pub const DEMO_TABLES: &str = include_str!("tables/demo-tables.json");

/// The value of the header `Content-Security-Policy` for every file of the page.
pub const CONTENT_SECURITY_POLICY: &str = concat!(
    // What is not listed is not allowed: no plugins, workers, frames, media, manifests.
    "default-src 'none'; ",
    // Only files of the page run. Nothing inline does, so a value that got into the page as HTML would not run.
    "script-src 'self'; ",
    // The same for styles. The editor's own styles are adopted style sheets of a shadow root, which need no exception.
    "style-src 'self'; ",
    // The API, and no other host: what a script of the page reads cannot leave.
    "connect-src 'self'; ",
    // The icon.
    "img-src 'self'; ",
    // A <base> would redirect the page's own relative addresses.
    "base-uri 'none'; ",
    // Forms are handled by scripts. A form that was injected could send what people type to another host.
    "form-action 'none'; ",
    // No other page may show this one in a frame, and make people click in it.
    "frame-ancestors 'none'; ",
    // Assigning a text to innerHTML and the like is an error in browsers, and no part of the page may create a policy
    // that permits it.
    "require-trusted-types-for 'script'; trusted-types 'none'",
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_names_only_files_that_exist_and_no_other_host() {
        let page = std::str::from_utf8(file("").unwrap().bytes).unwrap();
        let mut named = 0;
        for attribute in ["src=\"", "href=\""] {
            for rest in page.split(attribute).skip(1) {
                let path = rest.split('"').next().unwrap();
                let path = path.strip_prefix("/console/").unwrap_or_else(|| panic!("{path}"));
                assert!(file(path).is_some(), "{path}");
                named += 1;
            }
        }
        assert!(named >= 3, "a script, a style sheet and an icon");
    }

    #[test]
    fn the_page_has_nothing_inline() {
        let page = std::str::from_utf8(file("").unwrap().bytes).unwrap();
        assert!(!page.contains("<style"));
        assert!(!page.contains(" style="));
        assert!(
            page.matches("<script").count()
                == page.matches("<script type=\"module\" crossorigin src=").count()
        );
    }

    #[test]
    fn the_first_load_is_at_most_250_kb() {
        let page = std::str::from_utf8(file("").unwrap().bytes).unwrap();
        let first =
            files().iter().filter(|file| file.path == "index.html" || page.contains(file.path));
        let bytes: usize = first.map(|file| file.gzip.unwrap_or(file.bytes).len()).sum();
        assert!(bytes > 0);
        assert!(bytes <= 250_000, "{bytes}");
        let all: usize = files().iter().map(|file| file.gzip.unwrap_or(file.bytes).len()).sum();
        assert!(all <= 250_000, "all files together, as most views need most of them: {all}");
    }

    #[test]
    fn files_with_a_hash_in_their_name_are_immutable_and_compressed() {
        let immutable: Vec<&File> = files().iter().filter(|file| file.immutable).collect();
        assert!(!immutable.is_empty());
        for file in immutable {
            assert!(file.path.contains('-'), "{}", file.path);
            if file.bytes.len() > 2048 {
                assert!(
                    file.gzip.is_some_and(|gzip| gzip.len() < file.bytes.len()),
                    "{}",
                    file.path
                );
                assert!(
                    file.brotli.is_some_and(|brotli| brotli.len() < file.bytes.len()),
                    "{}",
                    file.path
                );
            }
        }
        assert!(!file("").unwrap().immutable);
    }
}
