//! Which frame it is time for.

/// Plays a film against a clock that the caller reads, such as the window's time in seconds.
///
/// It keeps to the clock: when drawing is slow, frames are left out and the film keeps its speed. It knows nothing of
/// scenes, only how many frames there are and how many of them fill a second.
#[derive(Debug, Clone, PartialEq)]
pub struct Player {
    total_frames: u64,
    fps: u32,
    frame: u64,
    looping: bool,
    /// While playing: a moment and the frame that belonged to it.
    anchor: Option<Anchor>,
}

#[derive(Debug, Clone, Copy, PartialEq)]
struct Anchor {
    clock_secs: f64,
    frame: u64,
}

impl Player {
    /// A player at the first frame, paused.
    pub fn new(total_frames: u64, fps: u32) -> Self {
        Self { total_frames, fps: fps.max(1), frame: 0, looping: false, anchor: None }
    }

    /// The frame to show, 0 in an empty film.
    pub fn frame(&self) -> u64 {
        self.frame
    }

    /// Whether the film runs.
    pub fn is_playing(&self) -> bool {
        self.anchor.is_some()
    }

    /// Whether the film starts again at its end.
    pub fn is_looping(&self) -> bool {
        self.looping
    }

    /// Lets the film start again at its end, or stop there.
    pub fn set_looping(&mut self, looping: bool, clock_secs: f64) {
        self.tick(clock_secs);
        self.looping = looping;
        self.reanchor(clock_secs);
    }

    /// Follows an edit of the film. It goes on playing from the same frame, or from the last one of a shorter film.
    pub fn set_film(&mut self, total_frames: u64, fps: u32, clock_secs: f64) {
        let fps = fps.max(1);
        if (self.total_frames, self.fps) == (total_frames, fps) {
            return;
        }
        self.tick(clock_secs);
        (self.total_frames, self.fps) = (total_frames, fps);
        self.frame = self.frame.min(self.last_frame());
        self.reanchor(clock_secs);
        if total_frames == 0 {
            self.anchor = None;
        }
    }

    /// Starts; at the end of the film, from its beginning. An empty film does not play.
    pub fn play(&mut self, clock_secs: f64) {
        if self.is_playing() || self.total_frames == 0 {
            return;
        }
        if self.frame == self.last_frame() {
            self.frame = 0;
        }
        self.anchor = Some(Anchor { clock_secs, frame: self.frame });
    }

    /// Stops at the frame of this moment.
    pub fn pause(&mut self, clock_secs: f64) {
        self.tick(clock_secs);
        self.anchor = None;
    }

    /// Plays or pauses.
    pub fn toggle(&mut self, clock_secs: f64) {
        match self.is_playing() {
            true => self.pause(clock_secs),
            false => self.play(clock_secs),
        }
    }

    /// Goes to a frame, or the last one if there are fewer. A playing film plays on from there.
    pub fn seek(&mut self, frame: u64, clock_secs: f64) {
        self.frame = frame.min(self.last_frame());
        self.reanchor(clock_secs);
    }

    /// Pauses and goes some frames on, or back for a negative number, up to the ends of the film.
    pub fn step(&mut self, frames: i64, clock_secs: f64) {
        self.pause(clock_secs);
        self.frame = self.frame.saturating_add_signed(frames).min(self.last_frame());
    }

    /// Goes to the first frame.
    pub fn home(&mut self, clock_secs: f64) {
        self.seek(0, clock_secs);
    }

    /// Goes to the last frame.
    pub fn end(&mut self, clock_secs: f64) {
        self.seek(u64::MAX, clock_secs);
    }

    /// Moves on to the frame of this moment. Returns whether that is another one than before.
    pub fn tick(&mut self, clock_secs: f64) -> bool {
        let Some(anchor) = self.anchor else { return false };
        // A moment that was computed from a frame may lie a rounding error before it.
        const ROUNDING_FRAMES: f64 = 1e-3;
        let passed = (clock_secs - anchor.clock_secs) * f64::from(self.fps) + ROUNDING_FRAMES;
        let frame = anchor.frame.saturating_add(passed.max(0.0) as u64);
        let before = self.frame;
        if frame <= self.last_frame() {
            self.frame = frame;
        } else if self.looping {
            self.frame = frame % self.total_frames;
        } else {
            self.frame = self.last_frame();
            self.anchor = None;
        }
        self.frame != before
    }

    /// How long after this moment the next frame is due: what to wait before drawing again. `None` while paused.
    pub fn secs_to_next_frame(&self, clock_secs: f64) -> Option<f64> {
        let anchor = self.anchor?;
        let fps = f64::from(self.fps);
        let passed = (clock_secs - anchor.clock_secs).max(0.0);
        // The last frame is also shown for its full time before the player stops.
        let next = (passed * fps + 1e-3).floor() + 1.0;
        Some((next / fps - passed).max(0.0))
    }

    fn last_frame(&self) -> u64 {
        self.total_frames.saturating_sub(1)
    }

    /// Plays on from the current frame as of this moment.
    fn reanchor(&mut self, clock_secs: f64) {
        if self.is_playing() {
            self.anchor = Some(Anchor { clock_secs, frame: self.frame });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_playing_film_follows_the_clock() {
        let mut player = Player::new(240, 24);
        player.play(100.0);
        for frame in 0..240 {
            let due = 100.0 + f64::from(frame) / 24.0;
            player.tick(due);
            assert_eq!(player.frame(), frame as u64);
            player.tick(due + 0.9 / 24.0);
            assert_eq!(player.frame(), frame as u64);
        }
    }

    #[test]
    fn slow_drawing_leaves_frames_out_and_keeps_the_speed() {
        let mut player = Player::new(240, 24);
        player.play(0.0);
        assert!(player.tick(1.5));
        assert_eq!(player.frame(), 36);
        assert!(!player.tick(1.51));
    }

    #[test]
    fn the_film_stops_on_its_last_frame_and_starts_over() {
        let mut player = Player::new(48, 24);
        player.play(0.0);
        player.tick(1.99);
        assert!(player.is_playing());
        player.tick(2.0);
        assert_eq!((player.frame(), player.is_playing()), (47, false));
        assert_eq!(player.secs_to_next_frame(2.0), None);
        player.toggle(5.0);
        assert_eq!((player.frame(), player.is_playing()), (0, true));
    }

    #[test]
    fn a_loop_goes_round_without_a_pause() {
        let mut player = Player::new(48, 24);
        player.set_looping(true, 0.0);
        player.play(0.0);
        player.tick(2.0);
        assert_eq!(player.frame(), 0);
        player.tick(1000.0 + 10.0 / 24.0);
        assert_eq!((player.frame(), player.is_playing()), (10, true));
        player.set_looping(false, 1000.0 + 10.0 / 24.0);
        player.tick(1000.0 + 20.0 / 24.0);
        assert_eq!(player.frame(), 20);
        player.tick(1010.0);
        assert_eq!((player.frame(), player.is_playing()), (47, false));
    }

    #[test]
    fn a_paused_player_wants_no_repaint() {
        let mut player = Player::new(48, 24);
        assert_eq!(player.secs_to_next_frame(0.0), None);
        player.play(0.0);
        let wait = player.secs_to_next_frame(0.01).unwrap();
        assert!((wait - (1.0 / 24.0 - 0.01)).abs() < 1e-9);
        assert!(player.tick(0.01 + wait));
        player.pause(0.1);
        assert_eq!((player.frame(), player.secs_to_next_frame(0.1)), (2, None));
        assert!(!player.tick(50.0));
    }

    #[test]
    fn waking_up_when_told_shows_every_frame() {
        let mut player = Player::new(500, 23);
        let mut clock = 12.345;
        player.play(clock);
        for frame in 1..500 {
            clock += player.secs_to_next_frame(clock).unwrap();
            assert!(player.tick(clock), "frame {frame}");
            assert_eq!(player.frame(), frame);
        }
        clock += player.secs_to_next_frame(clock).unwrap();
        assert!(!player.tick(clock));
        assert!(!player.is_playing());
    }

    #[test]
    fn seeking_keeps_playing_and_stepping_pauses() {
        let mut player = Player::new(48, 24);
        player.play(0.0);
        player.seek(20, 1.0);
        player.tick(1.5);
        assert_eq!((player.frame(), player.is_playing()), (32, true));
        player.step(1, 1.5);
        assert_eq!((player.frame(), player.is_playing()), (33, false));
        player.step(-100, 1.5);
        assert_eq!(player.frame(), 0);
        player.step(i64::MAX, 1.5);
        assert_eq!(player.frame(), 47);
        player.home(1.5);
        assert_eq!(player.frame(), 0);
        player.end(1.5);
        assert_eq!(player.frame(), 47);
    }

    #[test]
    fn an_edit_while_playing_keeps_the_place() {
        let mut player = Player::new(240, 24);
        player.play(0.0);
        player.set_film(120, 12, 1.0);
        assert_eq!((player.frame(), player.is_playing()), (24, true));
        player.tick(2.0);
        assert_eq!(player.frame(), 36);
        player.set_film(10, 12, 2.0);
        assert_eq!(player.frame(), 9);
        player.set_film(0, 12, 2.0);
        assert_eq!((player.frame(), player.is_playing()), (0, false));
        player.play(3.0);
        assert!(!player.is_playing());
    }

    #[test]
    fn a_clock_that_runs_backwards_does_no_harm() {
        let mut player = Player::new(240, 24);
        player.play(10.0);
        player.tick(5.0);
        assert_eq!(player.frame(), 0);
        assert!(player.secs_to_next_frame(5.0).unwrap() <= 1.0 / 24.0);
    }
}
