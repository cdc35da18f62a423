//! A tensor as a part of a longer row of numbers.

use candle_core::DType;

/// A part of a storage, seen as a tensor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct View {
    /// Name of the storage inside the archive.
    pub storage: String,
    pub dtype: StorageType,
    /// How many numbers the storage is said to have.
    pub storage_len: usize,
    /// The first number of the tensor.
    pub offset: usize,
    pub shape: Vec<usize>,
    /// Numbers from one element to the next, for each dimension.
    pub strides: Vec<usize>,
}

/// The type of a storage's numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum StorageType {
    Known(DType),
    Other { name: &'static str, bytes: usize },
}

impl StorageType {
    /// The length of one number.
    pub fn bytes(self) -> usize {
        match self {
            Self::Known(dtype) => dtype.size_in_bytes(),
            Self::Other { bytes, .. } => bytes,
        }
    }
}

/// Elements that a view may have beyond those of its storage: one number may be seen many times (a broadcast), but not
/// so many that the tensor fills the memory.
const MOST_REPEATED: usize = 1 << 24;
/// Bytes that are put together before they are passed on.
const GATHERED_BYTES: usize = 1 << 16;
/// PyTorch has no more dimensions than this.
const MOST_DIMENSIONS: usize = 64;

impl View {
    /// The number of elements.
    pub fn len(&self) -> usize {
        self.shape.iter().product()
    }

    /// The numbers of the storage from the tensor's first to its last, both included; 0 for a tensor without elements.
    pub fn span(&self) -> usize {
        if self.len() == 0 {
            return 0;
        }
        1 + self.shape.iter().zip(&self.strides).map(|(size, stride)| (size - 1) * stride).sum::<usize>()
    }

    /// Whether the elements lie one after the other.
    pub fn is_contiguous(&self) -> bool {
        let mut expected = 1;
        self.shape.iter().zip(&self.strides).rev().all(|(&size, &stride)| {
            let fits = size == 1 || stride == expected;
            expected *= size;
            fits
        })
    }

    /// Puts the elements one after the other: `bytes` are those of [`Self::span`], `out` takes them in order, some at a
    /// time.
    pub fn gather(&self, bytes: &[u8], mut out: impl FnMut(&[u8])) {
        let (width, dimensions) = (self.dtype.bytes(), self.shape.len());
        let mut block = Vec::with_capacity(GATHERED_BYTES);
        let mut index = vec![0; dimensions];
        let mut at = 0;
        for _ in 0..self.len() {
            block.extend_from_slice(&bytes[at * width..(at + 1) * width]);
            if block.len() + width > GATHERED_BYTES {
                out(&block);
                block.clear();
            }
            // To the next element: the last dimension that has one more goes on, those after it start again.
            for dimension in (0..dimensions).rev() {
                if index[dimension] + 1 < self.shape[dimension] {
                    index[dimension] += 1;
                    at += self.strides[dimension];
                    break;
                }
                at -= self.strides[dimension] * index[dimension];
                index[dimension] = 0;
            }
        }
        out(&block);
    }

    /// Whether all elements are in the storage, computed so that no number of the file overflows.
    pub fn check(&self) -> Result<(), &'static str> {
        if self.shape.len() != self.strides.len() || self.shape.len() > MOST_DIMENSIONS {
            return Err("a tensor has not as many strides as sizes");
        }
        // Without the sizes of 0, since the product of the others is also computed on the way.
        let len = self.shape.iter().filter(|&&size| size > 0).try_fold(1_usize, |len, &size| len.checked_mul(size));
        let last = self.shape.iter().zip(&self.strides).try_fold(self.offset, |last, (&size, &stride)| {
            last.checked_add(size.saturating_sub(1).checked_mul(stride)?)
        });
        let bytes = self.storage_len.checked_mul(8);
        let (Some(len), Some(last), Some(_)) = (len, last, bytes) else { return Err("a tensor is impossibly large") };
        if self.shape.contains(&0) {
            return Ok(());
        }
        if last >= self.storage_len {
            return Err("a tensor reaches beyond its storage");
        }
        if len > self.storage_len.max(MOST_REPEATED) {
            return Err("a tensor has many more elements than its storage");
        }
        Ok(())
    }
}
