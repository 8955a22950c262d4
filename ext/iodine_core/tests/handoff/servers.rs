//! Two servers in one process.

use std::thread;

use crate::support::{Site, eventually};

#[test]
fn two_servers_do_not_know_each_other() {
    let one = Site::serve(|call| call.text("one"));
    let two = Site::serve(|call| call.text("two"));
    thread::scope(|scope| {
        for (site, name) in [(&one, "one"), (&two, "two")] {
            for _ in 0..4 {
                scope.spawn(move || {
                    let mut client = site.connect();
                    for _ in 0..100 {
                        assert_eq!(client.get("/").text(), name);
                    }
                });
            }
        }
    });
    assert_eq!((one.stats().requests, two.stats().requests), (400, 400));
}

#[test]
fn the_end_of_one_server_is_not_the_end_of_the_other() {
    let one = Site::serve(|call| call.text("one"));
    let two = Site::serve(|call| call.text("two"));
    let mut client = two.connect();
    assert_eq!(client.get("/").text(), "two");
    one.server.halt();
    eventually("the threads of the first have gone", || one.stats().threads == 0);
    assert_eq!(client.get("/").text(), "two");
    assert_eq!(two.get("/").text(), "two");
}

#[test]
fn many_servers_come_and_go() {
    for _ in 0..30 {
        let site = Site::serve(|call| call.text("ok"));
        assert_eq!(site.get("/").text(), "ok");
    }
}

#[test]
fn a_server_that_never_had_a_thread_ends() {
    let site = Site::unmanned(|_| {});
    let mut client = site.connect();
    client.ask("/");
    eventually("it waits", || site.stats().backlog == 1);
    site.server.halt();
    // Cut, or answered with 500 on the way out.
    client.rest();
}
