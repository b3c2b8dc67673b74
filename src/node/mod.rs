//! The orchestrator node.
