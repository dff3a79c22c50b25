{{- /* The spec of a Job that indexes */ -}}
{{- define "imagefinder.indexing" -}}
{{- $indexing := .Values.indexing -}}
{{- $sharded := gt (int $indexing.shards) 1 -}}
{{- if $sharded }}
completionMode: Indexed
completions: {{ $indexing.shards | int64 }}
parallelism: {{ $indexing.parallelism | int64 }}
backoffLimitPerIndex: {{ $indexing.retries | int64 }}
{{- else }}
backoffLimit: {{ $indexing.retries | int64 }}
{{- end }}
activeDeadlineSeconds: {{ $indexing.deadlineSeconds | int64 }}
ttlSecondsAfterFinished: {{ $indexing.keepSeconds | int64 }}
podFailurePolicy:
  rules:
    # A pod whose node goes away costs no try
    - action: Ignore
      onPodConditions:
        - type: DisruptionTarget
          status: "True"
    # 1: much of a source is gone. 2: wrong use. Another try would end the same way
    - action: {{ ternary "FailIndex" "FailJob" $sharded }}
      onExitCodes:
        containerName: index
        operator: In
        values: [1, 2]
template:
  metadata:
    labels:
      {{- include "imagefinder.labels" . | nindent 6 }}
      app.kubernetes.io/component: indexing
  spec:
    {{- include "imagefinder.pod" . | nindent 4 }}
    restartPolicy: Never
    # Its first process is no program of ours, so that SIGTERM ends ours at once; the next run goes on where it was
    shareProcessNamespace: true
    {{- with include "imagefinder.models" (list . $indexing.imageTag) }}
    {{- . | nindent 4 }}
    {{- end }}
    containers:
      - name: index
        image: {{ include "imagefinder.image" (list . $indexing.imageTag) }}
        imagePullPolicy: {{ .Values.image.pullPolicy }}
        {{- if $sharded }}
        # Kubernetes counts from 0, --shard from 1
        command: [sh, -c, 'exec imagefinder index "--shard=$((JOB_COMPLETION_INDEX + 1))/{{ $indexing.shards | int64 }}" "$@"', sh]
        args:
        {{- else }}
        command: [imagefinder]
        args:
          - index
        {{- end }}
          {{- range $indexing.extraArgs }}
          - {{ . | quote }}
          {{- end }}
          - --
          {{- range $indexing.sources }}
          - {{ . | quote }}
          {{- end }}
        {{- include "imagefinder.env" (list . ($indexing.provider | default .Values.server.provider)) | nindent 8 }}
        securityContext:
          {{- toYaml .Values.securityContext | nindent 10 }}
        resources:
          {{- toYaml $indexing.resources | nindent 10 }}
        {{- include "imagefinder.mounts" . | nindent 8 }}
    {{- include "imagefinder.volumes" . | nindent 4 }}
    {{- with $indexing.nodeSelector }}
    nodeSelector:
      {{- toYaml . | nindent 6 }}
    {{- end }}
    {{- with $indexing.tolerations }}
    tolerations:
      {{- toYaml . | nindent 6 }}
    {{- end }}
{{- end -}}
