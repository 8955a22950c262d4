//! Files that are served without the application: which, to whom, and how much of them.

use std::fs;
use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};
use std::os::unix::fs::symlink;
use std::path::Path;
use std::thread;
use std::time::{Duration, UNIX_EPOCH};

use iodine_core::handoff::Reply;
use iodine_core::settings::Settings;
use tempfile::TempDir;

use crate::support::{Response, Site, head, payload, timed};

const TEXT: &str = "abcdefghijklmnopqrstuvwxyz\n";

/// A directory with a public one inside, and a file beside that.
fn directory() -> TempDir {
    let directory = tempfile::tempdir().expect("a directory");
    let at = |name: &str| directory.path().join(name);
    fs::create_dir_all(at("public/docs")).expect("a directory");
    fs::create_dir_all(at("public/.well-known")).expect("a directory");
    fs::create_dir_all(at("public/empty")).expect("a directory");
    for (name, content) in [
        ("secret.txt", "secret"),
        ("public/index.html", "<h1>index</h1>"),
        ("public/docs/index.html", "<h1>docs</h1>"),
        ("public/text.txt", TEXT),
        ("public/empty.txt", ""),
        ("public/.env", "secret"),
        ("public/.well-known/token", "token"),
        ("public/a b+ä.txt", "spaced"),
        ("public/app.js", "a long script"),
        ("public/app.js.gz", "gzipped"),
        ("public/app.js.br", "brotli"),
        ("public/unknown.zzzz", "?"),
    ] {
        fs::write(at(name), content).expect("room for a file");
    }
    symlink("../secret.txt", at("public/leak.txt")).expect("a link");
    symlink("text.txt", at("public/inside.txt")).expect("a link");
    directory
}

/// A site with that public directory, whose application answers "app".
fn site(directory: &TempDir) -> Site {
    let public = directory.path().join("public");
    Site::with(move |settings| settings.files.public = Some(public), |call| call.text("app"))
}

fn get(site: &Site, path: &str, fields: &[(&str, &str)]) -> Response {
    let fields: String = fields.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
    site.connect().send(format!("GET {path} HTTP/1.1\r\nhost: x\r\n{fields}\r\n")).response()
}

#[test]
fn files_are_served_with_their_type_and_their_validators() {
    let directory = directory();
    let site = site(&directory);
    for (path, text, media_type) in [
        ("/", "<h1>index</h1>", "text/html"),
        ("/index.html", "<h1>index</h1>", "text/html"),
        ("/docs/", "<h1>docs</h1>", "text/html"),
        ("/text.txt", TEXT, "text/plain"),
        ("/text.txt?v=1", TEXT, "text/plain"),
        ("/inside.txt", TEXT, "text/plain"),
        ("/empty.txt", "", "text/plain"),
        ("/a%20b+%C3%A4.txt", "spaced", "text/plain"),
        ("/.well-known/token", "token", "application/octet-stream"),
        ("/unknown.zzzz", "?", "application/octet-stream"),
        ("//text.txt", TEXT, "text/plain"),
    ] {
        let response = get(&site, path, &[]);
        assert_eq!((response.status, response.text().as_str()), (200, text), "{path}");
        assert_eq!(response.field("content-type"), Some(media_type), "{path}");
        assert_eq!(response.field("accept-ranges"), Some("bytes"));
        assert!(response.field("etag").is_some() && response.field("last-modified").is_some());
        assert_eq!(response.field("vary"), None);
    }
}

#[test]
fn everything_else_is_for_the_application() {
    let directory = directory();
    let site = site(&directory);
    for path in [
        "/nothing",
        "/.env",
        "/leak.txt",
        "/../secret.txt",
        "/docs/../../secret.txt",
        "/%2e%2e/secret.txt",
        "/..%2fsecret.txt",
        "/docs%2findex.html",
        "/text.txt%00.html",
        "/text.txt/",
        "/empty/",
        "/empty",
        "/docs/.",
        "/%2fetc/passwd",
        "//etc/passwd",
        "/%",
    ] {
        assert_eq!(get(&site, path, &[]).text(), "app", "{path}");
    }
    for method in ["POST", "PUT", "DELETE", "OPTIONS"] {
        let request = format!("{method} /text.txt HTTP/1.1\r\nhost: x\r\ncontent-length: 0\r\n\r\n");
        assert_eq!(site.connect().send(&request).response().text(), "app", "{method}");
    }
}

#[test]
fn requests_for_upgrades_are_for_the_application() {
    let directory = directory();
    let site = site(&directory);
    assert_eq!(get(&site, "/text.txt", &[("accept", "text/event-stream")]).text(), "app");
}

#[test]
fn a_directory_gets_its_slash() {
    let directory = directory();
    let site = site(&directory);
    for (path, location) in [("/docs", "/docs/"), ("/docs?a=b", "/docs/?a=b"), ("//docs", "/docs/")] {
        let response = get(&site, path, &[]);
        assert_eq!((response.status, response.field("location")), (301, Some(location)), "{path}");
    }
}

#[test]
fn head_has_no_body() {
    let directory = directory();
    let site = site(&directory);
    let mut client = site.connect();
    let response = client.send("HEAD /text.txt HTTP/1.1\r\nhost: x\r\n\r\n").head();
    assert_eq!((response.status, response.field("content-length")), (200, Some("27")));
    assert_eq!(client.get("/text.txt").text(), TEXT);
}

#[test]
fn compressed_neighbours_are_sent_to_whom_they_suit() {
    let directory = directory();
    let site = site(&directory);
    let coding = |accepted: &str| {
        let response = get(&site, "/app.js", &[("accept-encoding", accepted)]);
        assert_eq!(response.field("content-type"), Some("text/javascript"));
        assert_eq!(response.field("vary"), Some("accept-encoding"));
        (response.field("content-encoding").unwrap_or("none").to_string(), response.text())
    };
    let expect = |accepted: &str, name: &str, text: &str| {
        assert_eq!(coding(accepted), (name.to_string(), text.to_string()), "{accepted}");
    };
    expect("gzip, deflate, br", "br", "brotli");
    expect("gzip;q=1.0, br;q=0.5", "gzip", "gzipped");
    expect("gzip", "gzip", "gzipped");
    expect("GZIP", "gzip", "gzipped");
    expect("br;q=0, gzip;q=0", "none", "a long script");
    expect("*", "br", "brotli");
    expect("br;q=0, *", "gzip", "gzipped");
    expect("zstd", "none", "a long script");
    expect("", "none", "a long script");
    let tags: Vec<_> = ["br", "gzip", "identity"]
        .map(|accepted| get(&site, "/app.js", &[("accept-encoding", accepted)]).field("etag").map(str::to_string))
        .into();
    assert!(tags[0] != tags[1] && tags[1] != tags[2] && tags[0] != tags[2], "{tags:?}");
}

fn set_time(path: &Path, seconds: u64) {
    let file = fs::File::options().write(true).open(path).expect("the file");
    file.set_modified(UNIX_EPOCH + Duration::from_secs(seconds)).expect("a time");
}

#[test]
fn what_a_client_has_is_not_sent_again() {
    let directory = directory();
    set_time(&directory.path().join("public/text.txt"), 1_000_000_000);
    let site = site(&directory);
    let tag = get(&site, "/text.txt", &[]).field("etag").expect("a tag").to_string();
    let (time, before, after) =
        ("Sun, 09 Sep 2001 01:46:40 GMT", "Sun, 09 Sep 2001 01:46:39 GMT", "Sun, 09 Sep 2001 01:46:41 GMT");
    let weak = format!("W/{tag}");
    let list = format!("\"other\", {tag}");
    for (fields, status) in [
        (vec![("if-none-match", tag.as_str())], 304),
        (vec![("if-none-match", weak.as_str())], 304),
        (vec![("if-none-match", list.as_str())], 304),
        (vec![("if-none-match", "*")], 304),
        (vec![("if-none-match", "\"other\"")], 200),
        (vec![("if-none-match", "\"other\""), ("if-modified-since", after)], 200),
        (vec![("if-modified-since", time)], 304),
        (vec![("if-modified-since", after)], 304),
        (vec![("if-modified-since", before)], 200),
        (vec![("if-modified-since", "yesterday")], 200),
        (vec![("if-match", tag.as_str())], 200),
        (vec![("if-match", "\"other\"")], 412),
        (vec![("if-unmodified-since", time)], 200),
        (vec![("if-unmodified-since", before)], 412),
        (vec![("if-match", "\"other\""), ("if-none-match", tag.as_str())], 412),
    ] {
        let response = get(&site, "/text.txt", &fields);
        assert_eq!(response.status, status, "{fields:?}");
        if status == 304 {
            assert_eq!(response.field("etag"), Some(tag.as_str()));
            assert_eq!(response.field("content-type"), None);
        }
    }
}

#[test]
fn a_tag_is_the_same_for_another_server() {
    let directory = directory();
    let tag = |site: &Site| get(site, "/text.txt", &[]).field("etag").expect("a tag").to_string();
    let first = tag(&site(&directory));
    let other = site(&directory);
    assert_eq!(tag(&other), first);
    fs::write(directory.path().join("public/text.txt"), "something else").expect("room");
    assert_ne!(tag(&other), first);
}

#[test]
fn parts_are_sent_as_asked() {
    let directory = directory();
    let site = site(&directory);
    for (range, status, content_range, text) in [
        ("bytes=0-4", 206, "bytes 0-4/27", "abcde"),
        ("bytes=5-9", 206, "bytes 5-9/27", "fghij"),
        ("bytes=20-", 206, "bytes 20-26/27", "uvwxyz\n"),
        ("bytes=-3", 206, "bytes 24-26/27", "yz\n"),
        ("bytes=-100", 206, "bytes 0-26/27", TEXT),
        ("bytes=20-1000", 206, "bytes 20-26/27", "uvwxyz\n"),
        ("bytes=0-0", 206, "bytes 0-0/27", "a"),
        ("Bytes = 0-0", 206, "bytes 0-0/27", "a"),
        ("bytes=20-99999999999999999999999", 206, "bytes 20-26/27", "uvwxyz\n"),
        ("bytes=27-", 416, "bytes */27", ""),
        ("bytes=100-200", 416, "bytes */27", ""),
        ("bytes=-0", 416, "bytes */27", ""),
        ("bytes=5-1", 416, "bytes */27", ""),
        ("bytes=a-b", 416, "bytes */27", ""),
        ("bytes=", 416, "bytes */27", ""),
        ("bytes=-", 416, "bytes */27", ""),
        ("nonsense", 416, "bytes */27", ""),
    ] {
        let response = get(&site, "/text.txt", &[("range", range)]);
        assert_eq!((response.status, response.field("content-range")), (status, Some(content_range)), "{range}");
        assert_eq!(response.text(), text, "{range}");
    }
    for whole in
        ["pages=1-2", "bytes=0-26,0-26", "bytes=0-0,0-0,0-0,0-0,0-0,0-0,0-0,0-0,0-0,0-0,0-0,0-0,0-0,0-0,0-0,0-0,0-0"]
    {
        let response = get(&site, "/text.txt", &[("range", whole)]);
        assert_eq!((response.status, response.text().as_str()), (200, TEXT), "{whole}");
    }
    assert_eq!(get(&site, "/empty.txt", &[("range", "bytes=0-")]).status, 416);
}

#[test]
fn several_parts_are_sent_together() {
    let directory = directory();
    let site = site(&directory);
    let response = get(&site, "/text.txt", &[("range", "bytes=0-1, 25-25,-1")]);
    assert_eq!(response.status, 206);
    let media_type = response.field("content-type").expect("a type").to_string();
    let boundary = media_type.strip_prefix("multipart/byteranges; boundary=").expect("a boundary");
    let part = |range: &str, text: &str| {
        format!("\r\n--{boundary}\r\ncontent-type: text/plain\r\ncontent-range: bytes {range}/27\r\n\r\n{text}")
    };
    let expected =
        [part("0-1", "ab"), part("25-25", "z"), part("26-26", "\n"), format!("\r\n--{boundary}--\r\n")].concat();
    assert_eq!(response.text(), expected);
}

#[test]
fn a_range_holds_only_for_the_file_that_the_client_knows() {
    let directory = directory();
    set_time(&directory.path().join("public/text.txt"), 1_000_000_000);
    let site = site(&directory);
    let tag = get(&site, "/text.txt", &[]).field("etag").expect("a tag").to_string();
    for (condition, status) in [
        (tag.as_str(), 206),
        ("\"other\"", 200),
        ("Sun, 09 Sep 2001 01:46:40 GMT", 206),
        ("Sun, 09 Sep 2001 01:46:39 GMT", 200),
        ("nonsense", 200),
    ] {
        let response = get(&site, "/text.txt", &[("range", "bytes=0-1"), ("if-range", condition)]);
        assert_eq!(response.status, status, "{condition}");
    }
}

#[test]
fn a_maximal_age_is_told() {
    let directory = directory();
    let public = directory.path().join("public");
    let site = Site::with(
        move |settings| {
            settings.files.public = Some(public);
            settings.files.max_age = Some(3600);
        },
        |call| call.text("app"),
    );
    assert_eq!(get(&site, "/text.txt", &[]).field("cache-control"), Some("public, max-age=3600"));
    assert_eq!(get(&site, "/nothing", &[]).field("cache-control"), None);
}

/// A site whose application names a file: `/x-sendfile/NAME` or `/x-accel-redirect/NAME`, with `~` for `/` in NAME.
fn sendfile_site(directory: &TempDir) -> Site {
    let public = directory.path().join("public");
    Site::with(
        move |settings| settings.files.sendfile_roots = vec![public],
        |call| {
            let path = call.path().to_string();
            let mut parts = path.splitn(3, '/').skip(1);
            let (field, name) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default().replace('~', "/"));
            let fields =
                [(field, name.as_str()), ("x-own", "yes"), ("content-length", "3"), ("content-type", "text/own")];
            call.answer(Reply::Full(head(200, &fields), payload(&["abc"])));
        },
    )
}

#[test]
fn the_application_may_name_a_file() {
    let directory = directory();
    let site = sendfile_site(&directory);
    let absolute = directory.path().join("public/text.txt").to_string_lossy().replace('/', "~");
    for path in [format!("/x-sendfile/{absolute}"), "/x-sendfile/text.txt".into(), "/x-accel-redirect/~text.txt".into()]
    {
        let response = get(&site, &path, &[]);
        assert_eq!((response.status, response.text().as_str()), (200, TEXT), "{path}");
        assert_eq!((response.field("x-own"), response.field("content-type")), (Some("yes"), Some("text/own")));
        assert_eq!((response.field("x-sendfile"), response.field("x-accel-redirect")), (None, None));
        assert_eq!(response.field("content-length"), Some("27"));
    }
    assert_eq!(get(&site, "/x-sendfile/text.txt", &[("range", "bytes=0-1")]).text(), "ab");
    assert_eq!(get(&site, "/x-sendfile/text.txt", &[("if-none-match", "*")]).status, 304);
}

#[test]
fn a_file_that_may_not_be_named_does_not_exist() {
    let directory = directory();
    let site = sendfile_site(&directory);
    let outside = directory.path().join("secret.txt").to_string_lossy().replace('/', "~");
    for name in [outside.as_str(), "..~secret.txt", "leak.txt", "docs", "nothing", ""] {
        let response = get(&site, &format!("/x-sendfile/{name}"), &[]);
        assert_eq!((response.status, response.text().as_str()), (404, ""), "{name}");
    }
    let lines = site.log_lines();
    assert!(lines.len() == 6 && lines.iter().all(|line| line.contains("sendfile_roots")), "{lines:?}");
}

#[test]
fn without_roots_the_field_is_for_whoever_stands_in_front() {
    let site =
        Site::serve(|call| call.answer(Reply::Full(head(200, &[("x-sendfile", "/etc/passwd")]), payload(&["abc"]))));
    let response = get(&site, "/", &[]);
    assert_eq!((response.text().as_str(), response.field("x-sendfile")), ("abc", Some("/etc/passwd")));
}

#[test]
fn who_asks_for_one_file_after_the_other_lets_others_by() {
    let directory = directory();
    let public = directory.path().join("public");
    let endless = |settings: &mut Settings| (settings.files.public, settings.max_keep_alive) = (Some(public), None);
    let site = Site::with(endless, |call| call.text("app"));
    let etag = get(&site, "/text.txt", &[]).field("etag").expect("an etag").to_owned();
    // Answered at once and in few words, so that the server is never done with what has come.
    let ask = format!("GET /text.txt HTTP/1.1\r\nhost: x\r\nif-none-match: {etag}\r\n\r\n").repeat(1000);
    let line = TcpStream::connect(site.address).expect("a connection");
    let (mut greedy, mut answers) = (line.try_clone().expect("a handle"), line.try_clone().expect("another"));
    let asking = thread::spawn(move || while greedy.write_all(ask.as_bytes()).is_ok() {});
    let reading = thread::spawn(move || while matches!(answers.read(&mut [0; 1 << 16]), Ok(1..)) {});
    let (_, took) = timed(|| (0..5).for_each(|_| assert_eq!(site.get("/app").text(), "app")));
    line.shutdown(Shutdown::Both).expect("an end");
    asking.join().expect("no panic");
    reading.join().expect("no panic");
    // Each waits for the greedy one's turn, of a hundred files, a few times.
    assert!(took < Duration::from_secs(2), "{took:?}");
}
