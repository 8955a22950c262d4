//! The same bytes in other pieces.

/// Longer inputs are not given byte by byte: that costs too much for what it finds.
const SINGLE: usize = 4096;

/// Ways to cut `bytes`: in one piece, byte by byte, and in pieces whose sizes follow from the bytes themselves, so that
/// a fuzzer moves the cuts by what it changes.
pub fn of(bytes: &[u8]) -> Vec<Vec<&[u8]>> {
    let mut ways = vec![vec![bytes]];
    if bytes.len() <= SINGLE {
        ways.push(bytes.chunks(1).collect());
    }
    ways.extend([3, 97].map(|most| unequal(bytes, most)));
    ways
}

/// Pieces of 1 to `most` bytes.
pub fn unequal(bytes: &[u8], most: usize) -> Vec<&[u8]> {
    let mut seed = bytes
        .iter()
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, &byte| (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3));
    let (mut pieces, mut rest) = (Vec::new(), bytes);
    while !rest.is_empty() {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let (piece, behind) = rest.split_at(rest.len().min(1 + (seed >> 33) as usize % most));
        pieces.push(piece);
        rest = behind;
    }
    pieces
}
