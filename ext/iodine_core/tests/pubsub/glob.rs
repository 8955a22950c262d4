//! Patterns of channel names, one line a case.

use std::time::Duration;

use iodine_core::pubsub::glob::matches;

use crate::wait::timed;

/// Makes one `#[test]` of each row: `name: pattern, [names that match], [names that do not];`.
macro_rules! patterns {
    ($($name:ident: $pattern:expr, [$($yes:expr),*], [$($no:expr),*];)*) => {
        $(#[test] fn $name() {
            $(assert!(matches($pattern.as_ref(), $yes.as_ref()), "{:?} does not match {:?}", $yes, $pattern);)*
            $(assert!(!matches($pattern.as_ref(), $no.as_ref()), "{:?} matches {:?}", $no, $pattern);)*
        })*
    };
}

patterns! {
    a_name_matches_itself: "chat", ["chat"], ["", "cha", "chat2", "xchat", "Chat"];
    nothing_matches_nothing: "", [""], ["a"];
    star: "*", ["", "a", "a.b/c", "\n"], [];
    star_behind: "room.*", ["room.", "room.1", "room.1.2"], ["room", "xroom.1"];
    star_in_front: "*.new", [".new", "a.new", "a.new.new"], ["new", "a.new."];
    star_between: "a*z", ["az", "abz", "azzz", "azbz"], ["a", "z", "aza"];
    stars_in_a_row: "a***b", ["ab", "axb"], ["a", "b"];
    several_stars: "*a*b*", ["ab", "xaxbx", "abab"], ["ba", "a", "b"];
    star_takes_another_look: "*abc", ["ababc", "abcabc"], ["abcab"];
    question_mark: "r?m", ["rim", "r?m"], ["rm", "room"];
    question_mark_is_a_byte: "?", ["a", [0xe9]], ["", "é"];
    two_for_two_bytes: "??", ["é"], ["a"];
    star_and_question_mark: "*?", ["a", "ab"], [""];
    class: "h[ae]llo", ["hallo", "hello"], ["hllo", "hillo", "haello"];
    class_of_a_range: "[b-d]", ["b", "c", "d"], ["a", "e", "-"];
    class_of_a_reversed_range: "[d-b]", ["b", "c", "d"], ["a", "e"];
    class_of_ranges_and_bytes: "[a-cx0-1]", ["a", "c", "x", "0", "1"], ["d", "2", "-"];
    negated_class: "[^ab]", ["c", "^", "]"], ["a", "b", ""];
    negated_range: "[^a-c]", ["d", "-"], ["a", "b", "c"];
    circumflex_elsewhere: "[a^]", ["a", "^"], ["b"];
    empty_class: "[]", [], ["", "]", "[]"];
    empty_class_and_more: "[]a]", [], ["]", "a", "a]"];
    negated_empty_class: "[^]", ["a", "^"], ["", "aa"];
    escape_in_a_class: r"[\]\-a]", ["]", "-", "a"], [r"\", "b"];
    escaped_circumflex_in_a_class: r"[\^a]", ["^", "a"], ["b"];
    hyphen_at_the_front: "[-a]", ["-", "a"], ["b"];
    hyphen_before_the_bracket_is_a_range: "[a-]", ["a", "]", "^"], ["-", "b"];
    open_class: "[ab", ["a", "b"], ["", "c", "[ab"];
    open_negated_class: "[^", ["a"], ["", "ab"];
    open_bracket_alone: "[", [], ["", "["];
    open_class_with_a_backslash: r"[a\", ["a", r"\"], ["b"];
    escaped_star: r"a\*", ["a*"], ["a", "ab", r"a\*"];
    escaped_question_mark: r"\?", ["?"], ["a", r"\?"];
    escaped_bracket: r"\[a]", ["[a]"], ["a"];
    escaped_letter: r"\a", ["a"], [r"\a"];
    escaped_backslash: r"\\", [r"\"], [r"\\"];
    backslash_at_the_end: r"a\", [r"a\"], ["a"];
    star_before_a_class: "*[0-9]", ["a1", "12"], ["1a", ""];
    bytes_beyond_utf_8: [b'[', 0x80, b'-', 0xff, b']'], [[0x80], [0xff]], [[0x7f]];
    nul: "a\0*", ["a\0b"], ["a"];
}

#[test]
fn a_hostile_pattern_takes_no_exponential_time() {
    let pattern = "a*".repeat(200) + "b";
    let name = "a".repeat(20_000);
    let (found, took) = timed(|| matches(pattern.as_bytes(), name.as_bytes()));
    assert!(!found);
    assert!(took < Duration::from_secs(2), "{took:?}");
}

#[test]
fn a_hostile_class_takes_no_exponential_time() {
    let pattern = format!("*{}", "[^b]*".repeat(50)) + "b";
    let name = "a".repeat(5_000);
    let (found, took) = timed(|| matches(pattern.as_bytes(), name.as_bytes()));
    assert!(!found);
    assert!(took < Duration::from_secs(2), "{took:?}");
}
