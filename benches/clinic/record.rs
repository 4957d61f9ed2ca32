//! Single rows of the clinic's database, with text of lengths that people write.

use rusqlite::{Transaction, params};

use crate::support::rng::Rng;
use crate::support::text::Words;

/// Writes rows.
pub(super) struct Writer<'a, 'c> {
    transaction: &'a Transaction<'c>,
    words: &'a Words,
    rng: &'a mut Rng,
}

impl<'a, 'c> Writer<'a, 'c> {
    pub(super) fn new(
        transaction: &'a Transaction<'c>,
        words: &'a Words,
        rng: &'a mut Rng,
    ) -> Self {
        Self {
            transaction,
            words,
            rng,
        }
    }

    /// Inserts a patient.
    pub(super) fn patient(&mut self, id: u64) -> rusqlite::Result<()> {
        let (words, rng) = (self.words, &mut *self.rng);
        let name = format!("{} {}", words.name(rng), words.name(rng));
        let birth = day(rng.between(0, 29_000));
        let address = format!(
            "{} {}, {:05} {}",
            words.name(rng),
            rng.between(1, 180),
            rng.below(99_999),
            words.name(rng)
        );
        let insurance = format!("{}{:09}", words.name(rng), rng.below(1_000_000_000));
        let len = rng.between(0, 400) as usize;
        let notes = words.text(rng, len);
        let mut insert = self
            .transaction
            .prepare_cached("INSERT INTO patients VALUES (?, ?, ?, ?, ?, ?, ?)")?;
        insert.execute(params![
            id.cast_signed(),
            name,
            birth,
            phone(rng),
            address,
            insurance,
            notes
        ])?;
        Ok(())
    }

    /// Inserts a visit of one of `patients`, with its prescriptions and its invoice.
    pub(super) fn visit(&mut self, id: u64, patients: u64) -> rusqlite::Result<()> {
        let (words, rng) = (self.words, &mut *self.rng);
        let patient = rng.between(1, patients);
        let (complaint, findings, plan) = (
            rng.between(30, 180),
            rng.between(150, 750),
            rng.between(100, 280),
        );
        let mut insert = self
            .transaction
            .prepare_cached("INSERT INTO visits VALUES (?, ?, ?, ?, ?, ?, ?)")?;
        insert.execute(params![
            id.cast_signed(),
            patient.cast_signed(),
            day(33_000 + id / 130),
            DOCTORS[rng.below(6) as usize],
            words.text(rng, complaint as usize),
            words.text(rng, findings as usize),
            words.text(rng, plan as usize),
        ])?;
        for _ in 0..rng.below(4) {
            let dose = format!(
                "{} mg, {} times a day",
                rng.between(1, 80) * 5,
                rng.between(1, 4)
            );
            let mut insert = self.transaction.prepare_cached(
                "INSERT INTO prescriptions (visit, drug, dose, days) VALUES (?, ?, ?, ?)",
            )?;
            insert.execute(params![
                id.cast_signed(),
                words.name(rng),
                dose,
                rng.between(3, 90).cast_signed()
            ])?;
        }
        let number = format!("{}-{:08}", 2020 + id / 80_000, id);
        let mut insert = self.transaction.prepare_cached(
            "INSERT INTO invoices (visit, number, cents, paid) VALUES (?, ?, ?, ?)",
        )?;
        insert.execute(params![
            id.cast_signed(),
            number,
            rng.between(2_000, 90_000).cast_signed(),
            rng.below(2).cast_signed()
        ])?;
        Ok(())
    }

    /// Inserts a scan that belongs to a visit.
    pub(super) fn scan(&mut self, visit: u64) -> rusqlite::Result<()> {
        let mut image = vec![0; self.rng.between(2_000, 8_000) as usize];
        self.rng.fill(&mut image);
        let mut insert = self
            .transaction
            .prepare_cached("INSERT INTO scans (visit, image) VALUES (?, ?)")?;
        insert.execute(params![visit.cast_signed(), image])?;
        Ok(())
    }
}

const DOCTORS: [&str; 6] = [
    "Dr Abel",
    "Dr Brandt",
    "Dr Castro",
    "Dr Dahl",
    "Dr Ebner",
    "Dr Fox",
];

/// A telephone number.
pub(super) fn phone(rng: &mut Rng) -> String {
    format!("0{} {:07}", rng.between(20, 99), rng.below(10_000_000))
}

/// A date; near enough to a calendar's.
fn day(number: u64) -> String {
    let (year, rest) = (1930 + number / 365, number % 365);
    format!("{year}-{:02}-{:02}", rest / 31 + 1, rest % 31 + 1)
}
