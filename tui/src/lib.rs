//! The dashboard: panels that are given views and hand back intents.
