//! Understands the pickles in which PyTorch describes tensors, and runs nothing.
//!
//! A pickle is a program for a small stack machine that can call any function of Python. This machine has no functions:
//! the few names that describe tensors are known by what they mean, every other name ends the reading with an error that
//! says what was to be called. Values lie in one list and refer to each other by number, so that a pickle which repeats
//! itself endlessly costs no more memory than it is long.

use super::view::{StorageType, View};
use candle_core::DType;
use std::collections::HashMap;

/// Why a pickle is not read.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum PickleError {
    /// It names something that is not needed to describe tensors.
    Forbidden(String),
    /// It contradicts itself.
    Damaged(String),
}

fn damaged<T>(reason: impl Into<String>) -> Result<T, PickleError> {
    Err(PickleError::Damaged(reason.into()))
}

/// A value, by its place in [`Pickle::values`].
pub(super) type Id = usize;

/// A value.
#[derive(Debug)]
pub(super) enum Value {
    /// `None`, a fraction and the like, on which nothing depends.
    Scalar,
    Int(i64),
    Text(String),
    Tuple(Vec<Id>),
    List(Vec<Id>),
    Dict(Vec<(Id, Id)>),
    Name(Name),
    Storage(Box<Storage>),
    Tensor(Box<View>),
    Mark,
}

/// Where numbers lie in the archive.
#[derive(Debug)]
pub(super) struct Storage {
    name: String,
    dtype: StorageType,
    len: usize,
}

/// The names that a pickle may use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Name {
    OrderedDict,
    RebuildTensor,
    RebuildParameter,
    RebuildFromType,
    TensorType,
    Storage(StorageType),
}

impl Name {
    fn find(module: &str, name: &str) -> Result<Self, PickleError> {
        let storage = |dtype| Ok(Self::Storage(StorageType::Known(dtype)));
        let other = |name, bytes| Ok(Self::Storage(StorageType::Other { name, bytes }));
        match (module, name) {
            ("collections", "OrderedDict") => Ok(Self::OrderedDict),
            ("torch._utils", "_rebuild_tensor_v2") => Ok(Self::RebuildTensor),
            ("torch._utils", "_rebuild_parameter") => Ok(Self::RebuildParameter),
            // A tensor with attributes of its own, or one of a subclass: both names were in use.
            ("torch._tensor" | "torch._utils", "_rebuild_from_type_v2") => Ok(Self::RebuildFromType),
            ("torch", "Tensor") | ("torch.nn.parameter", "Parameter") => Ok(Self::TensorType),
            ("torch", "FloatStorage") => storage(DType::F32),
            ("torch", "HalfStorage") => storage(DType::F16),
            ("torch", "BFloat16Storage") => storage(DType::BF16),
            ("torch", "DoubleStorage") => storage(DType::F64),
            ("torch", "LongStorage") => storage(DType::I64),
            ("torch", "IntStorage") => storage(DType::I32),
            ("torch", "ShortStorage") => storage(DType::I16),
            ("torch", "ByteStorage") => storage(DType::U8),
            ("torch", "CharStorage") => other("i8", 1),
            ("torch", "BoolStorage") => other("bool", 1),
            _ => Err(PickleError::Forbidden(printable(&format!("{module}.{name}")))),
        }
    }
}

/// A name from a file that is not to be trusted, for a message of one line.
fn printable(text: &str) -> String {
    let mut short: String = text.chars().take(100).flat_map(char::escape_debug).collect();
    if text.chars().nth(100).is_some() {
        short.push('…');
    }
    short
}

/// A pickle that was understood.
pub(super) struct Pickle {
    values: Vec<Value>,
    /// What the pickle describes.
    pub root: Id,
}

impl Pickle {
    /// Follows a pickle to its end.
    pub fn read(bytes: &[u8]) -> Result<Self, PickleError> {
        let mut machine = Machine { bytes, values: Vec::new(), stack: Vec::new(), memo: HashMap::new() };
        while !machine.step()? {}
        let root = machine.pop()?;
        Ok(Self { values: machine.values, root })
    }

    /// A value.
    pub fn get(&self, id: Id) -> &Value {
        &self.values[id]
    }
}

struct Machine<'a> {
    /// What is still to be read.
    bytes: &'a [u8],
    values: Vec<Value>,
    stack: Vec<Id>,
    memo: HashMap<u32, Id>,
}

impl<'a> Machine<'a> {
    /// Does one instruction; answers whether it was the last.
    fn step(&mut self) -> Result<bool, PickleError> {
        match self.take_array::<1>()?[0] {
            // PROTO and FRAME
            0x80 => drop(self.take(1)?),
            0x95 => drop(self.take(8)?),
            b'.' => return Ok(true),
            b'(' => self.push(Value::Mark),
            b'0' => drop(self.pop()?),
            b'1' => drop(self.pop_to_mark()?),
            // NONE, NEWTRUE and NEWFALSE
            b'N' | 0x88 | 0x89 => self.push(Value::Scalar),
            b'G' => {
                self.take(8)?;
                self.push(Value::Scalar);
            }
            b'J' => {
                let value = i32::from_le_bytes(self.take_array()?);
                self.push(Value::Int(value.into()));
            }
            b'K' => {
                let value = self.take_array::<1>()?[0];
                self.push(Value::Int(value.into()));
            }
            b'M' => {
                let value = u16::from_le_bytes(self.take_array()?);
                self.push(Value::Int(value.into()));
            }
            0x8a => {
                let len = self.take_array::<1>()?[0];
                let value = long(self.take(len.into())?);
                self.push(value);
            }
            b'X' | b'T' => {
                let len = u32::from_le_bytes(self.take_array()?);
                self.push_text(len.into())?;
            }
            0x8c | b'U' => {
                let len = self.take_array::<1>()?[0];
                self.push_text(len.into())?;
            }
            0x8d => {
                let len = u64::from_le_bytes(self.take_array()?);
                self.push_text(len)?;
            }
            b')' => self.push(Value::Tuple(Vec::new())),
            b't' => {
                let items = self.pop_to_mark()?;
                self.push(Value::Tuple(items));
            }
            count @ 0x85..=0x87 => {
                let count = usize::from(count - 0x84);
                let Some(start) = self.stack.len().checked_sub(count) else {
                    return damaged("the pickle's stack is empty");
                };
                let items = self.stack.split_off(start);
                self.push(Value::Tuple(items));
            }
            b']' => self.push(Value::List(Vec::new())),
            b'l' => {
                let items = self.pop_to_mark()?;
                self.push(Value::List(items));
            }
            b'a' => {
                let item = self.pop()?;
                self.list()?.push(item);
            }
            b'e' => {
                let items = self.pop_to_mark()?;
                self.list()?.extend(items);
            }
            b'}' => self.push(Value::Dict(Vec::new())),
            b'd' => {
                let items = pairs(&self.pop_to_mark()?)?;
                self.push(Value::Dict(items));
            }
            b's' => {
                let value = self.pop()?;
                let key = self.pop()?;
                self.dict()?.push((key, value));
            }
            b'u' => {
                let items = pairs(&self.pop_to_mark()?)?;
                self.dict()?.extend(items);
            }
            b'q' => {
                let place = self.take_array::<1>()?[0];
                self.remember(place.into())?;
            }
            b'r' => {
                let place = u32::from_le_bytes(self.take_array()?);
                self.remember(place)?;
            }
            0x94 => {
                let place = u32::try_from(self.memo.len()).or_else(|_| damaged("the pickle is too long"))?;
                self.remember(place)?;
            }
            b'h' => {
                let place = self.take_array::<1>()?[0];
                self.recall(place.into())?;
            }
            b'j' => {
                let place = u32::from_le_bytes(self.take_array()?);
                self.recall(place)?;
            }
            b'c' => {
                let name = self.take_name()?;
                self.push(Value::Name(name));
            }
            // INST, a call of the first protocol: nothing that may be called is called so.
            b'i' => {
                self.take_name()?;
                return damaged("the pickle makes an object where a tensor is expected");
            }
            0x93 => {
                let name = self.pop()?;
                let module = self.pop()?;
                let name = match (&self.values[module], &self.values[name]) {
                    (Value::Text(module), Value::Text(name)) => Name::find(module, name)?,
                    _ => return damaged("the pickle names something without a name"),
                };
                self.push(Value::Name(name));
            }
            b'Q' => {
                let storage = self.pop()?;
                let storage = self.storage(storage)?;
                self.push(storage);
            }
            // REDUCE and NEWOBJ
            b'R' | 0x81 => {
                let arguments = self.pop()?;
                let callable = self.pop()?;
                let value = self.describe(callable, arguments)?;
                self.push(value);
            }
            b'b' => {
                // The state of a dictionary (its version) or of a tensor (its attributes) says nothing of its numbers.
                self.pop()?;
                match self.stack.last().map(|&id| &self.values[id]) {
                    Some(Value::Dict(_) | Value::Tensor(_)) => {}
                    _ => return damaged("the pickle sets the state of something else than a tensor"),
                }
            }
            other => return damaged(format!("the pickle has an instruction {other:#04x} that tensors do not need")),
        }
        Ok(false)
    }

    fn take(&mut self, count: usize) -> Result<&'a [u8], PickleError> {
        match self.bytes.split_at_checked(count) {
            Some((taken, rest)) => {
                self.bytes = rest;
                Ok(taken)
            }
            None => damaged("the pickle ends too early"),
        }
    }

    fn take_array<const N: usize>(&mut self) -> Result<[u8; N], PickleError> {
        let mut array = [0; N];
        array.copy_from_slice(self.take(N)?);
        Ok(array)
    }

    fn take_line(&mut self) -> Result<String, PickleError> {
        let Some(end) = self.bytes.iter().position(|&byte| byte == b'\n') else {
            return damaged("the pickle ends too early");
        };
        let line = String::from_utf8_lossy(&self.take(end + 1)?[..end]).into_owned();
        Ok(line)
    }

    fn take_name(&mut self) -> Result<Name, PickleError> {
        let module = self.take_line()?;
        let name = self.take_line()?;
        Name::find(&module, &name)
    }

    fn push(&mut self, value: Value) {
        self.stack.push(self.values.len());
        self.values.push(value);
    }

    fn push_text(&mut self, len: u64) -> Result<(), PickleError> {
        let len = usize::try_from(len).or_else(|_| damaged("the pickle ends too early"))?;
        let text = String::from_utf8_lossy(self.take(len)?).into_owned();
        self.push(Value::Text(text));
        Ok(())
    }

    fn pop(&mut self) -> Result<Id, PickleError> {
        match self.stack.pop() {
            Some(id) if !matches!(self.values[id], Value::Mark) => Ok(id),
            _ => damaged("the pickle's stack is empty"),
        }
    }

    fn pop_to_mark(&mut self) -> Result<Vec<Id>, PickleError> {
        let Some(mark) = self.stack.iter().rposition(|&id| matches!(self.values[id], Value::Mark)) else {
            return damaged("the pickle's stack has no mark");
        };
        let items = self.stack.split_off(mark + 1);
        self.stack.truncate(mark);
        Ok(items)
    }

    fn list(&mut self) -> Result<&mut Vec<Id>, PickleError> {
        match self.stack.last().map(|&id| &mut self.values[id]) {
            Some(Value::List(items)) => Ok(items),
            _ => damaged("the pickle appends to something else than a list"),
        }
    }

    fn dict(&mut self) -> Result<&mut Vec<(Id, Id)>, PickleError> {
        match self.stack.last().map(|&id| &mut self.values[id]) {
            Some(Value::Dict(items)) => Ok(items),
            _ => damaged("the pickle sets an item of something else than a dictionary"),
        }
    }

    fn remember(&mut self, place: u32) -> Result<(), PickleError> {
        match self.stack.last() {
            Some(&id) => drop(self.memo.insert(place, id)),
            None => return damaged("the pickle's stack is empty"),
        }
        Ok(())
    }

    fn recall(&mut self, place: u32) -> Result<(), PickleError> {
        match self.memo.get(&place) {
            Some(&id) => self.stack.push(id),
            None => return damaged("the pickle recalls what it has not remembered"),
        }
        Ok(())
    }

    fn tuple(&self, id: Id) -> Result<&[Id], PickleError> {
        match &self.values[id] {
            Value::Tuple(items) => Ok(items),
            _ => damaged("a description of a tensor is not a tuple"),
        }
    }

    fn size(&self, id: Id) -> Result<usize, PickleError> {
        match self.values[id] {
            Value::Int(value) => {
                usize::try_from(value).or_else(|_| damaged("a size or offset of a tensor is negative"))
            }
            _ => damaged("a size or offset of a tensor is not a whole number"),
        }
    }

    fn sizes(&self, id: Id) -> Result<Vec<usize>, PickleError> {
        self.tuple(id)?.iter().map(|&id| self.size(id)).collect()
    }

    /// `("storage", its type, its name, the device it was on, how many numbers it has)`
    fn storage(&self, id: Id) -> Result<Value, PickleError> {
        let &[kind, dtype, name, _, len] = self.tuple(id)? else {
            return damaged("a storage is not described by five values");
        };
        match (&self.values[kind], &self.values[dtype], &self.values[name]) {
            (Value::Text(kind), &Value::Name(Name::Storage(dtype)), Value::Text(name)) if kind == "storage" => {
                Ok(Value::Storage(Box::new(Storage { name: name.clone(), dtype, len: self.size(len)? })))
            }
            _ => damaged("a storage is not described as PyTorch does it"),
        }
    }

    /// What a call would have made, where it is one that describes a tensor.
    fn describe(&self, callable: Id, arguments: Id) -> Result<Value, PickleError> {
        let Value::Name(name) = self.values[callable] else { return damaged("the pickle calls what is not a name") };
        let arguments = self.tuple(arguments)?;
        match (name, arguments) {
            (Name::OrderedDict, []) => Ok(Value::Dict(Vec::new())),
            (Name::OrderedDict, &[items]) => self.dict_of_list(items),
            (Name::RebuildTensor, &[storage, offset, shape, strides, _, _, ..]) if arguments.len() <= 7 => {
                self.tensor(storage, offset, shape, strides)
            }
            (Name::RebuildParameter, &[tensor, _, _]) => self.same_tensor(tensor),
            (Name::RebuildFromType, &[rebuild, of_type, arguments, _]) => {
                match (&self.values[rebuild], &self.values[of_type]) {
                    (Value::Name(Name::RebuildTensor | Name::RebuildParameter), Value::Name(Name::TensorType)) => {
                        self.describe(rebuild, arguments)
                    }
                    _ => damaged("a tensor of another type is not described as PyTorch does it"),
                }
            }
            _ => damaged(format!("{name:?} is not called as PyTorch does it")),
        }
    }

    fn dict_of_list(&self, id: Id) -> Result<Value, PickleError> {
        let Value::List(items) = &self.values[id] else { return damaged("a dictionary is not made from a list") };
        let pair = |&id: &Id| match &self.values[id] {
            Value::Tuple(pair) | Value::List(pair) if pair.len() == 2 => Ok((pair[0], pair[1])),
            _ => damaged("a dictionary is not made from pairs"),
        };
        Ok(Value::Dict(items.iter().map(pair).collect::<Result<_, _>>()?))
    }

    fn same_tensor(&self, id: Id) -> Result<Value, PickleError> {
        match &self.values[id] {
            Value::Tensor(view) => Ok(Value::Tensor(view.clone())),
            _ => damaged("a parameter is not a tensor"),
        }
    }

    fn tensor(&self, storage: Id, offset: Id, shape: Id, strides: Id) -> Result<Value, PickleError> {
        let Value::Storage(storage) = &self.values[storage] else { return damaged("a tensor has no storage") };
        let view = View {
            storage: storage.name.clone(),
            dtype: storage.dtype,
            storage_len: storage.len,
            offset: self.size(offset)?,
            shape: self.sizes(shape)?,
            strides: self.sizes(strides)?,
        };
        view.check().or_else(damaged)?;
        Ok(Value::Tensor(Box::new(view)))
    }
}

fn pairs(items: &[Id]) -> Result<Vec<(Id, Id)>, PickleError> {
    match items.as_chunks::<2>() {
        (pairs, []) => Ok(pairs.iter().map(|&[key, value]| (key, value)).collect()),
        _ => damaged("a dictionary of the pickle has a key without a value"),
    }
}

/// A whole number of any length; one that does not fit is of no use to us.
fn long(bytes: &[u8]) -> Value {
    if bytes.len() > 8 {
        return Value::Scalar;
    }
    let negative = bytes.last().is_some_and(|&byte| byte >= 0x80);
    let mut wide = if negative { [0xff; 8] } else { [0; 8] };
    wide[..bytes.len()].copy_from_slice(bytes);
    Value::Int(i64::from_le_bytes(wide))
}
