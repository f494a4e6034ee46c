CREATE TABLE "push_devices" (
	"id" uuid PRIMARY KEY NOT NULL,
	"user_id" uuid NOT NULL,
	"session_id" uuid,
	"provider" text NOT NULL,
	"token" text NOT NULL,
	"keys" json,
	"created_at" timestamp (3) with time zone NOT NULL,
	CONSTRAINT "push_devices_token" UNIQUE("provider","token")
);
--> statement-breakpoint
CREATE TABLE "push_marks" (
	"user_id" uuid NOT NULL,
	"chat_id" uuid NOT NULL,
	"target" text NOT NULL,
	"seq" bigint NOT NULL,
	"sent_at" timestamp (3) with time zone NOT NULL,
	CONSTRAINT "push_marks_user_id_chat_id_target_pk" PRIMARY KEY("user_id","chat_id","target")
);
--> statement-breakpoint
ALTER TABLE "jobs" ADD COLUMN "key" text;--> statement-breakpoint
ALTER TABLE "push_devices" ADD CONSTRAINT "push_devices_user_id_users_id_fk" FOREIGN KEY ("user_id") REFERENCES "public"."users"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
CREATE INDEX "push_devices_user" ON "push_devices" USING btree ("user_id");--> statement-breakpoint
CREATE UNIQUE INDEX "jobs_key" ON "jobs" USING btree ("key") WHERE "jobs"."key" is not null and "jobs"."state" = 'ready' and "jobs"."attempts" = 0;