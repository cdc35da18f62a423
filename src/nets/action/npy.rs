//! Matrices in numpy's file format.

use candle_core::{Device, Result, Tensor};

/// A matrix of f32 or f64 from the bytes of a `.npy` file.
///
/// # Errors
/// When it is something else, when its size does not fit its shape, or when it is not in C order and little-endian.
pub(super) fn read(bytes: &[u8]) -> Result<Tensor> {
    let (header, data) = split(bytes).ok_or_else(|| wrong("this is not a .npy file".into()))?;
    let kind = value(header, "descr").map(|text| text.trim_matches(['\'', '"']));
    if value(header, "fortran_order") != Some("False") {
        return Err(wrong("the .npy file is not in C order; save it with numpy.ascontiguousarray".into()));
    }
    let shape = shape(header).ok_or_else(|| wrong(format!("the .npy file holds no matrix: {}", header.trim())))?;
    let size = |bytes| shape.0.checked_mul(shape.1).and_then(|count: usize| count.checked_mul(bytes));
    let fits = |bytes| match size(bytes) == Some(data.len()) {
        true => Ok(()),
        false => Err(wrong(format!("the .npy file has {} bytes where {shape:?} needs {:?}", data.len(), size(bytes)))),
    };
    match kind {
        Some("<f8") => {
            fits(8)?;
            let values = data.as_chunks().0.iter().map(|&bytes| f64::from_le_bytes(bytes)).collect::<Vec<_>>();
            Tensor::from_vec(values, shape, &Device::Cpu)
        }
        Some("<f4") => {
            fits(4)?;
            let values = data.as_chunks().0.iter().map(|&bytes| f32::from_le_bytes(bytes)).collect::<Vec<_>>();
            Tensor::from_vec(values, shape, &Device::Cpu)
        }
        other => Err(wrong(format!("the .npy file holds {}, not f32 or f64", other.unwrap_or("nothing known")))),
    }
}

fn wrong(message: String) -> candle_core::Error {
    candle_core::Error::Msg(message).bt()
}

/// The header's text and the data.
fn split(bytes: &[u8]) -> Option<(&str, &[u8])> {
    let rest = bytes.strip_prefix(b"\x93NUMPY")?;
    let (version, rest) = rest.split_first_chunk::<2>()?;
    let (length, rest) = match version[0] {
        1 => rest.split_first_chunk().map(|(length, rest)| (usize::from(u16::from_le_bytes(*length)), rest))?,
        2 | 3 => rest.split_first_chunk().map(|(length, rest)| (u32::from_le_bytes(*length) as usize, rest))?,
        _ => return None,
    };
    let (header, data) = rest.split_at_checked(length)?;
    Some((std::str::from_utf8(header).ok()?, data))
}

/// What stands behind a key of the header, up to the next comma.
fn value<'a>(header: &'a str, key: &str) -> Option<&'a str> {
    let (_, after) = header.split_once(&format!("'{key}':"))?;
    Some(after.split([',', '}']).next()?.trim())
}

/// Rows and columns.
fn shape(header: &str) -> Option<(usize, usize)> {
    let (_, after) = header.split_once("'shape':")?;
    let (sides, _) = after.trim_start().strip_prefix('(')?.split_once(')')?;
    let (rows, columns) = sides.split_once(',')?;
    Some((rows.trim().parse().ok()?, columns.trim().trim_end_matches(',').parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A file of version 1 with this header and this data.
    fn file(header: &str, data: &[u8]) -> Vec<u8> {
        let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
        bytes.extend((header.len() as u16).to_le_bytes());
        bytes.extend(header.as_bytes());
        bytes.extend(data);
        bytes
    }

    const F8: &str = "{'descr': '<f8', 'fortran_order': False, 'shape': (2, 3), }   \n";

    fn numbers() -> Vec<u8> {
        (0..6).flat_map(|x| f64::from(x).to_le_bytes()).collect()
    }

    #[test]
    fn matrices_of_both_kinds_are_read() {
        let wide = read(&file(F8, &numbers())).unwrap();
        assert_eq!(wide.to_vec2::<f64>().unwrap(), [[0.0, 1.0, 2.0], [3.0, 4.0, 5.0]]);
        let data: Vec<u8> = [1.5f32, -2.0].iter().flat_map(|x| x.to_le_bytes()).collect();
        let narrow = read(&file("{'descr': '<f4', 'fortran_order': False, 'shape': (2, 1), }", &data)).unwrap();
        assert_eq!(narrow.to_vec2::<f32>().unwrap(), [[1.5], [-2.0]]);
    }

    #[test]
    fn other_files_are_refused_with_what_is_wrong() {
        let says = |bytes: &[u8], what: &str| {
            let error = read(bytes).unwrap_err().to_string();
            assert!(error.contains(what), "{error:?} does not say {what:?}");
        };
        says(b"PK\x03\x04 an archive", "not a .npy");
        says(b"\x93NUMPY\x01", "not a .npy");
        says(&file(F8, &numbers())[..40], "not a .npy");
        says(&file(F8, &numbers()[..47]), "has 47 bytes");
        says(&file(&F8.replace("<f8", ">f8"), &numbers()), ">f8");
        says(&file(&F8.replace("<f8", "|O"), b"\x80\x04"), "|O");
        says(&file(&F8.replace("False", "True"), &numbers()), "C order");
        says(&file(&F8.replace("(2, 3)", "(6,)"), &numbers()), "no matrix");
        says(&file(&F8.replace("(2, 3)", "(2, 3, 1)"), &numbers()), "no matrix");
        says(&file(&F8.replace("(2, 3)", "(9223372036854775807, 9223372036854775807)"), &numbers()), "has 48 bytes");
    }
}
