//! Finds the orientation in an Exif block (a TIFF structure), and nothing else in it.

use super::Orientation;

/// The longest block looked at; a JPEG segment cannot be longer.
pub(super) const MAX_BYTES: usize = 64 * 1024;

const TAG_ORIENTATION: u16 = 0x0112;
const TYPE_SHORT: u16 = 3;

/// The orientation in the first directory of `tiff`. A block that cannot be read says upright, as viewers do.
pub(super) fn orientation(tiff: &[u8]) -> Orientation {
    find(tiff).unwrap_or_default()
}

fn find(tiff: &[u8]) -> Option<Orientation> {
    let little = match tiff.get(..4)? {
        b"II*\0" => true,
        b"MM\0*" => false,
        _ => return None,
    };
    let u16_at = |at: usize| {
        let bytes = tiff.get(at..at.checked_add(2)?)?.try_into().ok()?;
        Some(if little {
            u16::from_le_bytes(bytes)
        } else {
            u16::from_be_bytes(bytes)
        })
    };
    let first: [u8; 4] = tiff.get(4..8)?.try_into().ok()?;
    let directory = usize::try_from(if little {
        u32::from_le_bytes(first)
    } else {
        u32::from_be_bytes(first)
    })
    .ok()?;
    let entries = usize::from(u16_at(directory)?);
    for entry in 0..entries {
        let at = directory.checked_add(2 + entry * 12)?;
        if u16_at(at)? == TAG_ORIENTATION {
            return if u16_at(at + 2)? == TYPE_SHORT {
                Orientation::from_exif(u16_at(at + 8)?)
            } else {
                None
            };
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_byte_orders_are_read() {
        let little = b"II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\x06\0\0\0";
        let big = b"MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x08\0\0";
        assert_eq!(orientation(little), Orientation::Rotated90);
        assert_eq!(orientation(big), Orientation::Rotated270);
    }

    #[test]
    fn a_directory_outside_the_block_says_upright() {
        assert_eq!(
            orientation(b"II*\0\xff\xff\xff\xff\x01\0"),
            Orientation::Upright
        );
        assert_eq!(
            orientation(b"II*\0\x08\0\0\0\xff\xff"),
            Orientation::Upright
        );
        assert_eq!(orientation(b""), Orientation::Upright);
    }
}
