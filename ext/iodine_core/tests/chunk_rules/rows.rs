//! Sizes, data and trailers.

accepted! {
    row_055_space_behind_the_size: "5 \r\nhello\r\n0\r\n\r\n";
    row_055_spaces_before_an_extension: "5 \t ;a=b\r\nhello\r\n0\r\n\r\n";
    row_056_leading_zeros: "000000005\r\nhello\r\n0\r\n\r\n";
    row_056_sixteen_digits: "0000000000000005\r\nhello\r\n0\r\n\r\n";
    row_060_extension: "5;a=b\r\nhello\r\n0\r\n\r\n";
    row_060_extension_behind_the_last_chunk: "5\r\nhello\r\n0;a=b\r\n\r\n";
    row_061_quoted_extension: "5;a=\"b c\"\r\nhello\r\n0\r\n\r\n";
    row_062_unclosed_quote_ends_with_the_line: "5;a=\"\r\nhello\r\n0\r\n\r\n";
    row_062_obs_text_in_an_extension: b"5;a=\"\xe9\"\r\nhello\r\n0\r\n\r\n";
    row_072_trailer: "5\r\nhello\r\n0\r\nX-T: 1\r\n\r\n";
    row_073_trailers_that_belong_into_a_head: "0\r\nContent-Length: 5\r\nHost: b\r\nTransfer-Encoding: chunked\r\n\r\n";
    row_075_trailer_that_looks_like_a_request: "0\r\nX:POST / HTTP/1.1\r\n\r\n";
    row_080_2000_chunks_of_one_byte: ["1\r\nx\r\n".repeat(2000).as_str(), "0\r\n\r\n"].concat();
    nothing_but_the_last_chunk: "0\r\n\r\n";
    last_chunk_of_many_zeros: "00000\r\n\r\n";
    hexadecimal_size: "1a\r\nabcdefghijklmnopqrstuvwxyz\r\n0\r\n\r\n";
    hexadecimal_size_in_upper_case: "1A\r\nabcdefghijklmnopqrstuvwxyz\r\n0\r\n\r\n";
    data_that_looks_like_the_end: "5\r\n0\r\n\r\n\r\n0\r\n\r\n";
    empty_trailer_value: "0\r\nX-T:\r\n\r\n";
    two_trailers: b"0\r\nX-T: 1\r\nX-U: \xe9\r\n\r\n";
}

refused! {
    row_049_hexadecimal_prefix: "0x5\r\nhello\r\n0\r\n\r\n" => 400;
    row_050_plus: "+5\r\nhello\r\n0\r\n\r\n" => 400;
    row_051_minus: "-5\r\nhello\r\n0\r\n\r\n" => 400;
    row_052_underscore: "0_5\r\nhello\r\n0\r\n\r\n" => 400;
    row_053_empty_size: "\r\nhello\r\n0\r\n\r\n" => 400;
    row_053_extension_without_a_size: ";a=b\r\nhello\r\n0\r\n\r\n" => 400;
    row_054_leading_space: " 5\r\nhello\r\n0\r\n\r\n" => 400;
    row_054_leading_tab: "\t5\r\nhello\r\n0\r\n\r\n" => 400;
    row_055_digits_behind_a_space: "5 5\r\nhello\r\n0\r\n\r\n" => 400;
    row_057_65_bits: "10000000000000005\r\nhello\r\n0\r\n\r\n" => 400;
    row_057_seventeen_digits: "00000000000000005\r\nhello\r\n0\r\n\r\n" => 400;
    row_058_largest_u64: "FFFFFFFFFFFFFFFF\r\nhello\r\n0\r\n\r\n" => 413;
    row_059_largest_i64: "7FFFFFFFFFFFFFFF\r\nhello\r\n0\r\n\r\n" => 413;
    row_059_two_chunks_that_overflow_together: "1\r\nx\r\n7FFFFFFFFFFFFFFE\r\nx" => 413;
    row_063_bare_lf_behind_an_extension: "5;a\nhello\r\n0\r\n\r\n" => 400;
    row_064_bare_cr_in_an_extension: "5;a\rb\r\nhello\r\n0\r\n\r\n" => 400;
    row_065_nul_in_an_extension: "5;a\0b\r\nhello\r\n0\r\n\r\n" => 400;
    row_065_control_character_in_an_extension: "5;a\x01b\r\nhello\r\n0\r\n\r\n" => 400;
    row_065_del_in_an_extension: "5;a\x7fb\r\nhello\r\n0\r\n\r\n" => 400;
    row_066_bare_lf_behind_the_size: "5\nhello\r\n0\r\n\r\n" => 400;
    row_067_data_ended_by_bare_lf: "5\r\nhello\n0\r\n\r\n" => 400;
    row_068_bare_cr_behind_the_size: "5\rhello\r\n0\r\n\r\n" => 400;
    row_068_bare_cr_behind_data: "5\r\nhello\r0\r\n\r\n" => 400;
    row_069_data_longer_than_its_size: "5\r\nhello!\r\n0\r\n\r\n" => 400;
    row_070_data_shorter_than_its_size: "6\r\nhello\r\n0\r\n\r\n" => 400;
    row_074_trailer_without_a_colon: "0\r\nX-T\r\n\r\n" => 400;
    row_074_trailer_without_a_name: "0\r\n: 1\r\n\r\n" => 400;
    row_074_folded_trailer: "0\r\nX-T: 1\r\n 2\r\n\r\n" => 400;
    row_074_space_before_the_colon_of_a_trailer: "0\r\nX-T : 1\r\n\r\n" => 400;
    row_074_trailer_ended_by_bare_lf: "0\r\nX-T: 1\n\r\n" => 400;
    row_074_nul_in_a_trailer: "0\r\nX-T: \0\r\n\r\n" => 400;
    row_074_bare_cr_in_a_trailer: "0\r\nX-T: 1\r2\r\n\r\n" => 400;
    row_074_body_ended_by_bare_lf: "0\r\n\n" => 400;
    row_074_body_ended_by_bare_cr: "0\r\n\rG" => 400;
    not_hexadecimal: "g\r\nhello\r\n0\r\n\r\n" => 400;
    no_chunks_at_all: "hello" => 400;
}

unfinished! {
    row_071_last_chunk_without_its_empty_line: "0\r\n";
    row_071_last_chunk_and_a_trailer: "0\r\nX-T: 1\r\n";
    row_077_inside_data: "5\r\nhel";
    row_077_behind_data: "5\r\nhello";
    row_077_between_chunks: "5\r\nhello\r\n";
    row_077_inside_a_size: "5";
    largest_size_that_makes_sense: "7FFFFFFFFFFFFFFE\r\nhello";
    nothing: "";
}
