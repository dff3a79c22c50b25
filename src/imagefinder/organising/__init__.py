"""What people do with images they have chosen: originals as a ZIP, copied, moved, put into the trash; and back."""
