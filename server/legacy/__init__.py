"""The workshop demo's routes, frames and socket messages: thin projections of the same cases."""
