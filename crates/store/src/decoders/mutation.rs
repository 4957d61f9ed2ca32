//! Bytes made of others by small changes, the same ones for the same seed: what a fuzzer does, on a stable toolchain.

/// Numbers on which decoders stumble: the marks of long numbers, the ends of their ranges, and text.
const TELLING: [u8; 16] = [
    0, 1, 2, 0x0b, 0x11, 0x21, 0x31, 0x7f, 0x80, 250, 251, 252, 253, 254, 255, b'/',
];

/// A row of changes.
#[derive(Debug, Clone)]
pub struct Mutation {
    state: u64,
}

impl Mutation {
    /// The one of this seed.
    pub const fn new(seed: u64) -> Self {
        Self {
            state: seed ^ 0x9e37_79b9_7f4a_7c15,
        }
    }

    fn next(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.state;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below this one; 0 where there is none.
    pub fn below(&mut self, most: usize) -> usize {
        let most = most.max(1) as u64;
        usize::try_from(self.next() % most).unwrap_or(0)
    }

    /// A changed copy; `other` lends parts.
    pub fn of(&mut self, bytes: &[u8], other: &[u8]) -> Vec<u8> {
        let mut bytes = bytes.to_vec();
        for _ in 0..=self.below(6) {
            self.change(&mut bytes, other);
        }
        bytes
    }

    fn change(&mut self, bytes: &mut Vec<u8>, other: &[u8]) {
        let at = self.below(bytes.len() + 1);
        let len = self.below(24).min(bytes.len() - at);
        match self.below(9) {
            0 => self.set(bytes, at, |mutation, byte| byte ^ (1 << mutation.below(8))),
            1 => self.set(bytes, at, |mutation, _| mutation.next() as u8),
            2 => self.set(bytes, at, |mutation, _| mutation.telling()),
            3 => drop(bytes.drain(at..at + len)),
            4 => {
                let part: Vec<u8> = bytes.iter().skip(at).take(len).copied().collect();
                drop(bytes.splice(at..at, part));
            }
            5 => {
                let begin = self.below(other.len());
                let part = other.iter().skip(begin).take(self.below(200)).copied();
                drop(bytes.splice(at..at + len, part.collect::<Vec<u8>>()));
            }
            6 => {
                let number = self.next() >> self.below(64);
                let mark = 251 + self.below(3) as u8;
                let number = std::iter::once(mark).chain(number.to_le_bytes());
                drop(bytes.splice(at..at, number.collect::<Vec<u8>>()));
            }
            7 => bytes.truncate(at),
            _ => {
                let times = self.below(64);
                let byte = self.telling();
                drop(bytes.splice(
                    at..at,
                    std::iter::repeat_n(byte, times).collect::<Vec<u8>>(),
                ));
            }
        }
    }

    fn set(&mut self, bytes: &mut [u8], at: usize, to: impl FnOnce(&mut Self, u8) -> u8) {
        if let Some(byte) = bytes.get_mut(at) {
            *byte = to(self, *byte);
        }
    }

    fn telling(&mut self) -> u8 {
        let number = self.below(TELLING.len());
        TELLING.get(number).copied().unwrap_or(0)
    }
}
