"""What lies over a desktop for a moment: forms, the order ticket, help, questions."""
