//! A finished example film, which plays at once without any model.

use crate::project::Project;

static EXAMPLE: &str = include_str!("../../assets/example/project.ron");

/// A film of six scenes about a lighthouse keeper, her dog and a paper boat.
pub fn example_project() -> Project {
    ron::from_str(EXAMPLE).expect("the example project is shipped with the program and tested")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::project::{DURATION_MS_RANGE, entities};

    #[test]
    fn the_example_is_a_whole_film_with_a_recurring_cast() {
        let project = example_project();
        let dissolves: u32 = project.scenes.iter().map(|scene| scene.dissolve_ms).sum();
        let whole: u32 = project.scenes.iter().map(|scene| scene.duration_ms).sum();
        assert!((20_000..=25_000).contains(&(whole - dissolves)));
        assert!(project.scenes.iter().all(|scene| DURATION_MS_RANGE.contains(&scene.duration_ms)));
        assert!(project.scenes.iter().all(|scene| scene.id.0 < project.next_id));
        assert!(entities(&project).iter().filter(|entity| entity.is_common()).count() >= 3);
    }
}
