//! Decoded photos, and what a picture of a scene is made of.

use super::clip::Clip;
use super::shown::in_shape_of;
use crate::draft::{self, EntityLook, StillBackground, StillEntity, StillSpec};
use crate::export::{ClipFileError, clip_frames};
use crate::image::{PhotoError, cut_out_rgba, read_photo};
use crate::project::{
    Entity, EntityKind, Format, MediaFolder, MediaName, Project, Reference, Scene, StoreError, Take, TakeKind,
};
use image::{DynamicImage, GrayImage, RgbaImage};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Memory for decoded photos, in bytes.
const BUDGET: usize = 256 << 20;
/// Memory for decoded clips, in bytes.
const CLIP_BUDGET: usize = 256 << 20;
/// Longest side at which a photo takes part in a still, in pixels.
const MAX_SIDE: u32 = 1600;

/// A picture of the project cannot be shown.
#[derive(Debug, thiserror::Error)]
pub enum PictureError {
    /// Its file is missing or altered.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Its file is no picture.
    #[error(transparent)]
    Photo(#[from] PhotoError),
    /// Its mask does not belong to it.
    #[error("the mask {mask} has another size than its photo {photo}; choose the photo again")]
    #[expect(missing_docs, reason = "the message says it")]
    MaskSize { photo: MediaName, mask: MediaName },
    /// Its file is no clip.
    #[error("{}: the clip cannot be shown: {source}; choose another take, or render it again", file.display())]
    #[expect(missing_docs, reason = "the message says it")]
    Clip { file: PathBuf, source: ClipFileError },
}

/// What was decoded last, as long as it fits so many bytes.
struct Recent<K, V> {
    budget: usize,
    /// The one that was used last is at the end.
    entries: Mutex<Vec<(K, Arc<V>)>>,
}

impl<K: PartialEq, V> Recent<K, V> {
    fn new(budget: usize) -> Self {
        Self { budget, entries: Mutex::default() }
    }

    fn entries(&self) -> MutexGuard<'_, Vec<(K, Arc<V>)>> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What is there, or else what `make` gives, of which others do not wait. `bytes` tells how large it is.
    fn get<E>(&self, key: K, bytes: fn(&V) -> usize, make: impl FnOnce() -> Result<V, E>) -> Result<Arc<V>, E> {
        let mut entries = self.entries();
        if let Some(index) = entries.iter().position(|(known, _)| *known == key) {
            let entry = entries.remove(index);
            let value = Arc::clone(&entry.1);
            entries.push(entry);
            return Ok(value);
        }
        drop(entries);
        let value = Arc::new(make()?);
        let mut entries = self.entries();
        entries.push((key, Arc::clone(&value)));
        let mut held: usize = entries.iter().map(|(_, value)| bytes(value)).sum();
        while held > self.budget && entries.len() > 1 {
            held -= bytes(&entries.remove(0).1);
        }
        Ok(value)
    }
}

/// Photos of references, cut out and scaled, and clips, each for a file and the shape of a film.
pub struct Pictures {
    decoded: Recent<Reference, RgbaImage>,
    clips: Recent<(MediaName, Format), Clip>,
}

impl Default for Pictures {
    fn default() -> Self {
        Self { decoded: Recent::new(BUDGET), clips: Recent::new(CLIP_BUDGET) }
    }
}

impl Pictures {
    /// Gives all memory back.
    pub fn clear(&self) {
        self.decoded.entries().clear();
        self.clips.entries().clear();
    }

    /// The frames of a clip, in the shape of a film: what every client shows of it.
    pub fn clip(&self, media: &MediaFolder, take: &Take, format: Format) -> Result<Arc<Clip>, PictureError> {
        let key = (take.media.clone(), Format { fps: 0, smooth: false, ..format });
        self.clips.get(key, Clip::bytes, || {
            let unreadable = |source| PictureError::Clip { file: media.path(&take.media), source };
            let frames = clip_frames(media.read(&take.media)?).map_err(unreadable)?;
            let shown = frames.into_iter().map(|frame| {
                let frame = DynamicImage::ImageRgb8(frame).into_rgba8();
                in_shape_of(frame, take.recipe.size, format)
            });
            Ok(Clip::new(shown.collect()))
        })
    }

    /// One picture of a take: the still, or the frame in the middle of the clip.
    pub fn take(&self, media: &MediaFolder, take: &Take, format: Format) -> Result<RgbaImage, PictureError> {
        match take.kind {
            TakeKind::Still => Ok(in_shape_of(stored(media, &take.media)?, take.recipe.size, format)),
            TakeKind::Clip => {
                let clip = self.clip(media, take, format)?;
                Ok(clip.frames()[clip.frames().len() / 2].clone())
            }
        }
    }

    /// The picture of a reference: cut out along its mask, if it has one.
    pub fn reference(&self, media: &MediaFolder, reference: &Reference) -> Result<Arc<RgbaImage>, PictureError> {
        self.decoded.get(reference.clone(), |picture| picture.as_raw().len(), || decode(media, reference))
    }

    /// A scene at `size`, as it is now: one picture of its chosen take, or its draft.
    pub fn scene(
        &self,
        project: &Project,
        scene: &Scene,
        media: &MediaFolder,
        size: [u32; 2],
    ) -> Result<RgbaImage, PictureError> {
        match scene.chosen_take() {
            Some(take) => self.take(media, take, project.format),
            None => self.draft(project, scene, media, size),
        }
    }

    /// The draft of a scene.
    pub fn draft(
        &self,
        project: &Project,
        scene: &Scene,
        media: &MediaFolder,
        size: [u32; 2],
    ) -> Result<RgbaImage, PictureError> {
        // The name, what is known about its looks, and its own photo.
        let look = |kind: EntityKind, name: &str| -> Result<_, PictureError> {
            let cast = project.cast_entry(kind, name);
            let reference = cast.and_then(|cast| cast.reference.as_ref());
            let photo = reference.map(|reference| self.reference(media, reference)).transpose()?;
            Ok((name.to_owned(), cast.map(|cast| cast.description.clone()).unwrap_or_default(), photo))
        };
        let (name, description, photo) = look(EntityKind::Background, &scene.background)?;
        let background = StillBackground { name, description, photo };
        let mut foreground = Vec::with_capacity(scene.foreground.len());
        for name in scene.entity_names(EntityKind::Foreground) {
            let (name, description, cutout) = look(EntityKind::Foreground, name)?;
            foreground.push(StillEntity { name, description, cutout });
        }
        let spec = StillSpec {
            width: size[0],
            height: size[1],
            prompt: scene.prompt.clone(),
            style: project.style.clone(),
            seed: scene.seed,
            background,
            foreground,
        };
        Ok(draft::draw_still(&spec))
    }

    /// The reference picture of an entity, fitted into a square of `side` pixels.
    pub fn entity(
        &self,
        kind: EntityKind,
        name: &str,
        cast: Option<&Entity>,
        media: &MediaFolder,
        side: u32,
    ) -> Result<RgbaImage, PictureError> {
        if let Some(reference) = cast.and_then(|cast| cast.reference.as_ref()) {
            return Ok(fitted(&*self.reference(media, reference)?, side));
        }
        let description = cast.map(|cast| cast.description.clone()).unwrap_or_default();
        let look = EntityLook { kind, name: name.to_owned(), description };
        Ok(draft::reference_picture(&look, side))
    }
}

fn decode(media: &MediaFolder, reference: &Reference) -> Result<RgbaImage, PictureError> {
    let (photo, mask) = picture_and_mask(media, reference)?;
    Ok(match mask {
        None => fitted(&photo.into_rgba8(), MAX_SIDE),
        Some(mask) => fitted(&cut_out_rgba(&photo.into_rgb8(), &mask), MAX_SIDE),
    })
}

/// The picture of a reference, and its mask of the same size if it has one.
pub(super) fn picture_and_mask(
    media: &MediaFolder,
    reference: &Reference,
) -> Result<(DynamicImage, Option<GrayImage>), PictureError> {
    let photo = read_photo(reference.picture.as_str(), &media.read(&reference.picture)?)?;
    let Some(mask_name) = &reference.mask else { return Ok((photo, None)) };
    let mask = read_photo(mask_name.as_str(), &media.read(mask_name)?)?.into_luma8();
    if (mask.width(), mask.height()) != (photo.width(), photo.height()) {
        return Err(PictureError::MaskSize { photo: reference.picture.clone(), mask: mask_name.clone() });
    }
    Ok((photo, Some(mask)))
}

/// A picture from the project's media.
pub(super) fn stored(media: &MediaFolder, name: &MediaName) -> Result<RgbaImage, PictureError> {
    Ok(read_photo(name.as_str(), &media.read(name)?)?.into_rgba8())
}

/// The picture scaled down so that no side is longer than `side` pixels.
pub(super) fn fitted(picture: &RgbaImage, side: u32) -> RgbaImage {
    let longest = picture.width().max(picture.height());
    if longest <= side {
        return picture.clone();
    }
    let scale = |n: u32| (u64::from(n) * u64::from(side) / u64::from(longest)).max(1) as u32;
    image::imageops::thumbnail(picture, scale(picture.width()), scale(picture.height()))
}
