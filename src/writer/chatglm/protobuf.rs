//! As much of protocol buffers as it takes to read a SentencePiece model.

/// The value of a field.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Value<'a> {
    Number(u64),
    Float(f32),
    Bytes(&'a [u8]),
}

/// It ends in the middle of a field, or is something else.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Malformed {
    CutOff,
    NoMessage,
}

/// The fields of a message, by their numbers, as they come.
pub struct Fields<'a>(pub &'a [u8]);

impl<'a> Iterator for Fields<'a> {
    type Item = Result<(u64, Value<'a>), Malformed>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.0.is_empty() {
            return None;
        }
        let field = self.field();
        if field.is_err() {
            self.0 = &[];
        }
        Some(field)
    }
}

impl<'a> Fields<'a> {
    fn field(&mut self) -> Result<(u64, Value<'a>), Malformed> {
        let tag = self.number()?;
        let value = match tag & 7 {
            0 => Value::Number(self.number()?),
            1 => {
                let bytes = self.take(8)?;
                Value::Bytes(bytes)
            }
            2 => {
                let length = usize::try_from(self.number()?).map_err(|_| Malformed::NoMessage)?;
                Value::Bytes(self.take(length)?)
            }
            5 => {
                let mut bytes = [0; 4];
                bytes.copy_from_slice(self.take(4)?);
                Value::Float(f32::from_le_bytes(bytes))
            }
            _ => return Err(Malformed::NoMessage),
        };
        match tag >> 3 {
            0 => Err(Malformed::NoMessage),
            number => Ok((number, value)),
        }
    }

    /// A number in groups of 7 bits, the lowest first.
    fn number(&mut self) -> Result<u64, Malformed> {
        let mut number = 0;
        for shift in (0..64).step_by(7) {
            let [byte, rest @ ..] = self.0 else { return Err(Malformed::CutOff) };
            self.0 = rest;
            number |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Ok(number);
            }
        }
        Err(Malformed::NoMessage)
    }

    fn take(&mut self, length: usize) -> Result<&'a [u8], Malformed> {
        let (bytes, rest) = self.0.split_at_checked(length).ok_or(Malformed::CutOff)?;
        self.0 = rest;
        Ok(bytes)
    }
}
