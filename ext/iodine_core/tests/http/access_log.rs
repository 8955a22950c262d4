//! A line for each request, in a file.

use std::fs;
use std::path::Path;

use iodine_core::settings::{AccessLogSettings, Format, Remote, Target};

use crate::support::{Call, Site, eventually};

fn logging(path: &Path, format: &str) -> Site {
    let format = Format::parse(format).expect("a format");
    let target = Target::File(path.to_owned());
    Site::with(
        |settings| {
            settings.access_log = Some(AccessLogSettings { format, target, queue: 100, remote: Remote::Socket });
        },
        |call: &mut Call<'_>| call.text("hello"),
    )
}

fn lines(path: &Path) -> Vec<String> {
    fs::read_to_string(path).unwrap_or_default().lines().map(str::to_owned).collect()
}

#[test]
fn every_request_has_a_line() {
    let folder = tempfile::tempdir().expect("a directory");
    let path = folder.path().join("access.log");
    let site = logging(&path, "%h %m %U%q %s %b %{X-Id}i %r");
    let mut client = site.connect();
    client.get("/a?b=c");
    client.send("GET http://x/d?e HTTP/1.1\r\nhost: x\r\nx-id: \"7\"\r\n\r\n").response();
    eventually("two lines", || lines(&path).len() == 2);
    let expected = [
        "127.0.0.1 GET /a?b=c 200 5 - GET /a?b=c HTTP/1.1",
        r#"127.0.0.1 GET /d?e 200 5 \"7\" GET http://x/d?e HTTP/1.1"#,
    ];
    assert_eq!(lines(&path), expected);
}

#[test]
fn a_server_that_ends_writes_what_it_has() {
    let folder = tempfile::tempdir().expect("a directory");
    let path = folder.path().join("access.log");
    let site = logging(&path, "common");
    let mut client = site.connect();
    for _ in 0..50 {
        client.get("/");
    }
    site.server.drain();
    site.server.halt();
    assert_eq!(lines(&path).len(), 50);
}

#[test]
fn the_file_is_opened_anew() {
    let folder = tempfile::tempdir().expect("a directory");
    let (path, moved) = (folder.path().join("access.log"), folder.path().join("moved"));
    let site = logging(&path, "%U");
    site.get("/old");
    eventually("a line", || lines(&path) == ["/old"]);
    fs::rename(&path, &moved).expect("to move it");
    site.server.reopen_access_log();
    eventually("a new file", || path.exists());
    site.get("/new");
    eventually("a line", || lines(&path) == ["/new"]);
    assert_eq!(lines(&moved), ["/old"]);
}

#[test]
fn mistakes_of_a_format_are_told() {
    for (text, words) in [
        ("%Z", "%Z is unknown"),
        ("%", "% "),
        ("%{X}o", "is written as %{Name}i"),
        ("%{a b}i", "a b is no name of a field"),
        ("plain", "plain is no format"),
        ("%h\n%u", "one line"),
        ("%>h", "%> is unknown"),
    ] {
        let mistake = Format::parse(text).expect_err(text).0;
        assert!(mistake.contains(words), "{mistake}");
    }
}
