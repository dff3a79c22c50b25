"""Teaching: new spaces from labels, captions and feedback. Nothing but ``training.torch`` needs PyTorch."""
