//! Text that compresses like what people type at work: some hundred phrases used over and over, with numbers and rare
//! words in them.

use super::rng::Rng;

const SYLLABLES: [&str; 60] = [
    "an", "ar", "ba", "be", "ca", "car", "ce", "chi", "co", "con", "da", "de", "di", "do", "e",
    "en", "er", "fa", "fe", "fi", "ga", "ge", "gra", "hy", "i", "in", "ka", "la", "le", "li", "lo",
    "ma", "me", "mi", "mo", "na", "ne", "ni", "no", "o", "pa", "per", "pi", "po", "pre", "ra",
    "re", "ri", "ro", "sa", "se", "si", "so", "sta", "ta", "te", "ti", "to", "tra", "u",
];

/// Phrases, each of five to eleven words.
const PHRASES: u64 = 450;

/// Words to write with.
pub(crate) struct Words {
    rare: Vec<String>,
    phrases: Vec<String>,
}

impl Words {
    /// The same words every time.
    pub(crate) fn new() -> Self {
        let mut rng = Rng::new(0x11fe_b0a7);
        let rare: Vec<String> = (0..6000).map(|_| word(&mut rng)).collect();
        let phrases = (0..PHRASES)
            .map(|_| {
                let words =
                    (0..rng.between(5, 11)).map(|_| rare[rng.below(1500) as usize].as_str());
                words.collect::<Vec<_>>().join(" ")
            })
            .collect();
        Self { rare, phrases }
    }

    /// A name: rare words, so that names differ.
    pub(crate) fn name(&self, rng: &mut Rng) -> String {
        let mut name = self.rare[rng.below(self.rare.len() as u64) as usize].clone();
        name[..1].make_ascii_uppercase();
        name
    }

    /// Appends sentences until there are at least `len` bytes.
    pub(crate) fn write(&self, rng: &mut Rng, len: usize, into: &mut String) {
        let end = into.len() + len;
        while into.len() < end {
            let begin = into.len();
            into.push_str(&self.phrases[rng.skewed(PHRASES) as usize]);
            match rng.below(8) {
                0 => into.push_str(&format!(" {} of {}", rng.below(200), self.name(rng))),
                1 => into.push_str(&format!(" {}/{}", rng.below(200), rng.below(100))),
                _ => {}
            }
            into.push_str(". ");
            into[begin..=begin].make_ascii_uppercase();
        }
    }

    /// A text of at least `len` bytes.
    pub(crate) fn text(&self, rng: &mut Rng, len: usize) -> String {
        let mut text = String::with_capacity(len + 128);
        self.write(rng, len, &mut text);
        text
    }
}

fn word(rng: &mut Rng) -> String {
    let syllables = rng.between(1, 3) + rng.below(2);
    let part = |_| SYLLABLES[rng.below(SYLLABLES.len() as u64) as usize];
    (0..syllables).map(part).collect()
}
