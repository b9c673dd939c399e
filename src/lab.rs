//! Lessons on the freezer, with groups and processes of their own: each is a test of what it teaches.
//!
//! ```text
//!  lesson    a lesson as a value: scene, steps, questions       lessons   the nine of them
//!  act       what a step does, as a value                       perform   doing it, and its line for a shell
//!  check     what must be so afterwards, as a value             observe   whether it is so, asked of the kernel
//!  scene     the groups, counters and files; gone when dropped  record, clean   what a killed lab leaves, and its end
//!  course    a lesson that is being held                        glimpse   what is shown beside the text
//!  auto      the transcript, without a terminal                 screen    the same course for a person
//! ```
//!
//! A step is done with Enter, or by hand in another shell: it counts as done when the kernel says so, and as seen when all that
//! must be so is so at once. Nothing is believed because it was written.

pub mod act;
pub mod auto;
pub mod check;
mod clean;
pub mod counter;
pub mod course;
mod criu;
pub mod glimpse;
pub mod ground;
pub mod lesson;
pub mod lessons;
mod observe;
mod perform;
mod record;
mod says;
mod scene;
pub mod screen;
pub mod spot;
mod tools;

pub use clean::{are_left_behind, left_behind};
pub use course::{Course, CourseError, News, Phase};
pub use ground::{Ground, Lack, Missing};
pub use lesson::Lesson;
pub use lessons::ALL;
