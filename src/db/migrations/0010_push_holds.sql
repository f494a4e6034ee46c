ALTER TABLE "push_marks" ADD COLUMN "holder" uuid;--> statement-breakpoint
ALTER TABLE "push_marks" ADD COLUMN "held_until" timestamp (3) with time zone;