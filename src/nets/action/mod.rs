//! The action vector of VideoStudio-Vid: which of the 400 actions of Kinetics a prompt tells of.
//!
//! - [Paper](https://arxiv.org/abs/2401.01256): VideoStudio, section 3.4
//! - [Upstream code](https://github.com/FuchenUSTC/VideoStudio): `videostudio_vid/util/util.py`
//!
//! Each verb phrase of the prompt ([`phrases`]) goes through the second text encoder. Its pooled embedding is compared
//! with a prototype of each class, which is such an embedding too.

mod npy;
pub mod phrases;
mod tagger;

use candle_core::{DType, Device, Result, Tensor};

/// A phrase whose best cosine is below this tells of no action.
const LEAST_COSINE: f64 = 0.2;

/// The lengths below which PyTorch's `cosine_similarity` takes a vector for longer than it is.
const LEAST_LENGTH: f64 = 1e-8;

/// The names of the classes of Kinetics-400, in the order of the action vector.
pub fn class_names() -> impl ExactSizeIterator<Item = &'static str> {
    include_str!("../../../assets/kinetics400.txt").lines().collect::<Vec<_>>().into_iter()
}

/// One embedding for each class of actions.
#[derive(Debug, Clone)]
pub struct Prototypes {
    /// Of length 1.
    rows: Vec<Vec<f64>>,
}

impl Prototypes {
    /// From embeddings `[classes, width]` of any length.
    ///
    /// # Errors
    /// When there are none, or when they are not numbers.
    pub fn from_embeddings(embeddings: &Tensor) -> Result<Self> {
        if embeddings.elem_count() == 0 {
            candle_core::bail!("there are no action prototypes");
        }
        Ok(Self { rows: directions(embeddings)? })
    }

    /// From the bytes of `action_prototypes.npy`: `[classes, width]` in f32 or f64.
    ///
    /// # Errors
    /// When the bytes are something else.
    pub fn from_npy(bytes: &[u8]) -> Result<Self> {
        Self::from_embeddings(&npy::read(bytes)?)
    }

    /// How many classes there are.
    pub fn classes(&self) -> usize {
        self.rows.len()
    }

    /// The action vector of the pooled embeddings of a prompt's verb phrases: `[phrases, width]` to `[1, classes]`, in
    /// f32 on the CPU.
    ///
    /// Each phrase counts for its best class, by its cosine divided by the sum of all; of two phrases with the same
    /// class the later one counts, though the sum has both, as in the original. Without phrases, or when no cosine
    /// reaches 0.2, all are zeros.
    ///
    /// # Errors
    /// When the width is not that of the prototypes, or when the embeddings are not numbers.
    pub fn action_vector(&self, phrases: &Tensor) -> Result<Tensor> {
        let (_, width) = phrases.dims2()?;
        if width != self.rows[0].len() {
            candle_core::bail!("phrases of width {width} and action prototypes of width {}", self.rows[0].len());
        }
        let mut scores = vec![0.0; self.classes()];
        let mut sum = 0.0;
        for phrase in directions(phrases)? {
            let (label, cosine) = self.best(&phrase);
            let score = if cosine < LEAST_COSINE { 0.0 } else { cosine };
            scores[label] = score;
            sum += score;
        }
        let sum = if sum == 0.0 { 1.0 } else { sum };
        let vector: Vec<f32> = scores.into_iter().map(|score| (score / sum) as f32).collect();
        Tensor::from_vec(vector, (1, self.classes()), &Device::Cpu)
    }

    /// The class with the largest cosine, the first of equal ones.
    fn best(&self, phrase: &[f64]) -> (usize, f64) {
        let cosine = |row: &Vec<f64>| row.iter().zip(phrase).map(|(a, b)| a * b).sum::<f64>();
        let cosines = self.rows.iter().map(cosine).enumerate();
        cosines.fold((0, f64::NEG_INFINITY), |best, next| if next.1 > best.1 { next } else { best })
    }
}

/// The rows of a matrix, each at length 1.
fn directions(rows: &Tensor) -> Result<Vec<Vec<f64>>> {
    let (count, _) = rows.dims2()?;
    let mut rows =
        if count == 0 { Vec::new() } else { rows.to_device(&Device::Cpu)?.to_dtype(DType::F64)?.to_vec2()? };
    for (index, row) in rows.iter_mut().enumerate() {
        let length = row.iter().map(|x| x * x).sum::<f64>().sqrt();
        if !length.is_finite() {
            candle_core::bail!(
                "row {index} of the embeddings is not finite; the text encoder's weights may be damaged"
            );
        }
        row.iter_mut().for_each(|x| *x /= length.max(LEAST_LENGTH));
    }
    Ok(rows)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Three classes along the axes, of different lengths.
    fn axes() -> Prototypes {
        let rows = [[2f32, 0.0, 0.0, 0.0], [0.0, 40.0, 0.0, 0.0], [0.0, 0.0, 0.5, 0.0]];
        Prototypes::from_embeddings(&Tensor::new(&rows, &Device::Cpu).unwrap()).unwrap()
    }

    fn vector(phrases: &[[f32; 4]]) -> Vec<f32> {
        let flat: Vec<f32> = phrases.iter().flatten().copied().collect();
        let phrases = Tensor::from_vec(flat, (phrases.len(), 4), &Device::Cpu).unwrap();
        let vector = axes().action_vector(&phrases).unwrap();
        assert_eq!(vector.dims(), [1, 3]);
        vector.flatten_all().unwrap().to_vec1().unwrap()
    }

    fn close(ours: &[f32], theirs: [f32; 3]) {
        assert!(ours.iter().zip(theirs).all(|(a, b)| (a - b).abs() < 1e-6), "{ours:?}, not {theirs:?}");
    }

    #[test]
    fn one_phrase_is_all_of_the_action() {
        close(&vector(&[[0.0, 3.0, 0.0, 4.0]]), [0.0, 1.0, 0.0]);
    }

    #[test]
    fn phrases_share_by_their_cosines() {
        // Cosines of 0.6 and 0.8 with different classes.
        close(&vector(&[[0.0, 3.0, 0.0, 4.0], [8.0, 0.0, 0.0, 6.0]]), [0.8 / 1.4, 0.6 / 1.4, 0.0]);
    }

    #[test]
    fn the_later_phrase_of_a_class_counts_and_the_sum_has_both() {
        // 0.8, then 0.6 for the first class, and 1 for the third.
        let phrases = [[4.0, 0.0, 0.0, 3.0], [3.0, 0.0, 0.0, 4.0], [0.0, 0.0, 1.0, 0.0]];
        close(&vector(&phrases), [0.6 / 2.4, 0.0, 1.0 / 2.4]);
        // One that counts as 0 also overwrites.
        close(&vector(&[[1.0, 0.0, 0.0, 0.0], [0.1, 0.0, 0.0, 1.0]]), [0.0, 0.0, 0.0]);
    }

    #[test]
    fn nothing_alike_is_no_action() {
        close(&vector(&[]), [0.0; 3]);
        close(&vector(&[[0.19, 0.0, 0.0, 1.0]]), [0.0; 3]);
        close(&vector(&[[-1.0, -1.0, -1.0, 0.0], [0.0; 4]]), [0.0; 3]);
    }

    #[test]
    fn what_does_not_fit_is_an_error() {
        let narrow = Tensor::new(&[[1f32, 2.0]], &Device::Cpu).unwrap();
        assert!(axes().action_vector(&narrow).unwrap_err().to_string().contains("width 2"));
        let broken = Tensor::new(&[[1f32, f32::NAN, 0.0, 0.0]], &Device::Cpu).unwrap();
        assert!(axes().action_vector(&broken).unwrap_err().to_string().contains("row 0"));
        assert!(Prototypes::from_embeddings(&Tensor::zeros((0, 4), DType::F32, &Device::Cpu).unwrap()).is_err());
    }

    #[test]
    fn there_are_400_classes_in_order() {
        let names: Vec<&str> = class_names().collect();
        assert_eq!(names.len(), 400);
        assert!(names.is_sorted_by_key(|name| name.to_lowercase()));
        assert_eq!((names[0], names[240], names[399]), ("abseiling", "playing paintball", "zumba"));
        assert!(names.iter().all(|name| !name.is_empty() && name.trim() == *name));
    }
}
