"""What the clinic writes to a patient: pure text, made from one visit, sent by others."""
