//! Deliveries on a real database, with a sender that does as it is told.

mod crashes;
mod life;
mod owner;
mod pace;
mod support;
