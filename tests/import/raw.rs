//! Zips made byte by byte, so that they can say what no program would write.

/// One entry, and what its two headers say of it.
#[derive(Clone)]
pub(crate) struct Raw {
    pub(crate) name: Vec<u8>,
    pub(crate) local_name: Option<Vec<u8>>,
    pub(crate) bytes: Vec<u8>,
    pub(crate) method: u16,
    pub(crate) local_method: Option<u16>,
    pub(crate) flags: u16,
    pub(crate) crc: u32,
    pub(crate) len: u32,
    pub(crate) attributes: u32,
    /// Where the directory says its header is, if not where it is.
    pub(crate) offset: Option<u32>,
}

impl Raw {
    /// A stored file.
    pub(crate) fn file(name: impl Into<Vec<u8>>, bytes: &[u8]) -> Self {
        Self {
            name: name.into(),
            local_name: None,
            bytes: bytes.to_vec(),
            method: 0,
            local_method: None,
            flags: 0,
            crc: crc32(bytes),
            len: bytes.len() as u32,
            attributes: 0o100_644 << 16,
            offset: None,
        }
    }

    /// A link.
    pub(crate) fn link(name: &str, target: &str) -> Self {
        Self {
            attributes: 0o120_777 << 16,
            ..Self::file(name, target.as_bytes())
        }
    }

    fn shared(&self, method: u16) -> Vec<u8> {
        let mut bytes = Vec::new();
        for number in [20, self.flags, method, 0, 0x5821] {
            bytes.extend(number.to_le_bytes());
        }
        for number in [self.crc, self.bytes.len() as u32, self.len] {
            bytes.extend(number.to_le_bytes());
        }
        bytes
    }

    fn header(&self) -> Vec<u8> {
        let name = self.local_name.as_ref().unwrap_or(&self.name);
        let mut bytes = b"PK\x03\x04".to_vec();
        bytes.extend(self.shared(self.local_method.unwrap_or(self.method)));
        bytes.extend((name.len() as u16).to_le_bytes());
        bytes.extend([0, 0]);
        bytes.extend(name);
        bytes
    }

    fn record(&self, offset: u32) -> Vec<u8> {
        let mut bytes = b"PK\x01\x02".to_vec();
        bytes.extend((3_u16 << 8 | 20).to_le_bytes());
        bytes.extend(self.shared(self.method));
        bytes.extend((self.name.len() as u16).to_le_bytes());
        bytes.extend([0; 8]);
        bytes.extend(self.attributes.to_le_bytes());
        bytes.extend(self.offset.unwrap_or(offset).to_le_bytes());
        bytes.extend(&self.name);
        bytes
    }
}

/// A zip of these entries.
pub(crate) fn zip(entries: &[Raw]) -> Vec<u8> {
    let (mut zip, mut directory) = (Vec::new(), Vec::new());
    for entry in entries {
        directory.extend(entry.record(zip.len() as u32));
        zip.extend(entry.header());
        zip.extend(&entry.bytes);
    }
    let offset = zip.len() as u32;
    zip.extend(&directory);
    zip.extend(end(entries.len() as u16, directory.len() as u32, offset, 0));
    zip
}

/// The record at the end.
pub(crate) fn end(entries: u16, len: u32, offset: u32, disk: u16) -> Vec<u8> {
    let mut bytes = b"PK\x05\x06".to_vec();
    for number in [disk, disk, entries, entries] {
        bytes.extend(number.to_le_bytes());
    }
    bytes.extend(len.to_le_bytes());
    bytes.extend(offset.to_le_bytes());
    bytes.extend([0, 0]);
    bytes
}

fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0, |crc: u32, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| {
            crc >> 1 ^ (0xedb8_8320 & (crc & 1).wrapping_neg())
        })
    })
}
