"""Text in pictures: which pictures have any, what it says, and where each word stands."""
