//! The Mersenne Twister MT19937 (Matsumoto and Nishimura, 1998), as PyTorch seeds it.

const SIZE: usize = 624;
const MIDDLE: usize = 397;

/// 32 random bits at a time.
#[derive(Clone)]
pub(super) struct Twister {
    state: Box<[u32; SIZE]>,
    /// The next number of the state to give; `SIZE` when all were given.
    next: usize,
    drawn: u64,
}

impl Twister {
    pub(super) fn new(seed: u32) -> Self {
        let mut state = Box::new([seed; SIZE]);
        for i in 1..SIZE {
            let before = state[i - 1];
            state[i] = 1_812_433_253_u32.wrapping_mul(before ^ before >> 30).wrapping_add(i as u32);
        }
        Self { state, next: SIZE, drawn: 0 }
    }

    /// How many numbers were given so far.
    pub(super) fn drawn(&self) -> u64 {
        self.drawn
    }

    pub(super) fn next(&mut self) -> u32 {
        if self.next == SIZE {
            self.twist();
        }
        let mut y = self.state[self.next];
        self.next += 1;
        self.drawn += 1;
        y ^= y >> 11;
        y ^= y << 7 & 0x9d2c_5680;
        y ^= y << 15 & 0xefc6_0000;
        y ^ y >> 18
    }

    /// Goes over `count` numbers.
    pub(super) fn skip(&mut self, count: u64) {
        self.drawn += count;
        let mut left = count;
        while left > 0 {
            if self.next == SIZE {
                self.twist();
            }
            let here = left.min((SIZE - self.next) as u64);
            self.next += here as usize;
            left -= here;
        }
    }

    fn twist(&mut self) {
        for i in 0..SIZE {
            let y = self.state[i] & 0x8000_0000 | self.state[(i + 1) % SIZE] & 0x7fff_ffff;
            let odd = if y & 1 == 1 { 0x9908_b0df } else { 0 };
            self.state[i] = self.state[(i + MIDDLE) % SIZE] ^ y >> 1 ^ odd;
        }
        self.next = 0;
    }
}

impl std::fmt::Debug for Twister {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Twister").field("drawn", &self.drawn).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ten_thousandth_number_is_that_of_the_standard() {
        // The C++ standard names it for the default seed.
        let mut twister = Twister::new(5489);
        assert_eq!((0..10_000).map(|_| twister.next()).last(), Some(4_123_659_995));
        let mut skipped = Twister::new(5489);
        skipped.skip(9_999);
        assert_eq!(skipped.next(), 4_123_659_995);
        assert_eq!(skipped.drawn(), 10_000);
    }
}
